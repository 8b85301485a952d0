import { argoPack } from "./argo.ts";
import { gatewayApiPack } from "./gateway-api.ts";
import { istioPack } from "./istio.ts";
import { kruisePack } from "./kruise.ts";
import { lanesPack } from "./lanes.ts";
import type { Pack } from "./pack.ts";

/** In the order in which they are enabled by default. */
export const defaultPacks: readonly Pack[] = [istioPack, kruisePack, lanesPack, gatewayApiPack];

/** Every pack that can be asked for. */
export const packs: readonly Pack[] = [...defaultPacks, argoPack];
