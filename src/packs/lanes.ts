import { asmAdmission, asmCrds } from "../dialects/asm/index.ts";
import type { Pack } from "./pack.ts";

/** Alibaba ASM's swim lanes: ASMSwimLaneGroup and ASMSwimLane. */
export const lanesPack: Pack = { name: "lanes", crds: asmCrds, converters: {}, admission: asmAdmission };
