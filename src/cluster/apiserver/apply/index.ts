export { applyObject } from "./apply-object.ts";
export { applyScale } from "./apply-scale.ts";
export { keepIdleTimes, trackUpdate } from "./track-update.ts";
