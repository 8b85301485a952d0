import type { Pass } from "../pass.ts";

/** Which Services stand for the two versions of a canary (ARC-204). Empty: none does. */
export interface Roles {
  readonly canary: string;
  readonly stable: string;
}

/** With ping-pong the two Services keep their versions, and the roles move at the promotion: no selector of stable does. */
export function pingPongRoles({ canary, status }: Pass): Roles | null {
  const { pingService: ping, pongService: pong } = canary?.pingPong ?? {};
  if (ping === undefined || pong === undefined) return null;
  return status.canary?.stablePingPong === "ping" ? { canary: pong, stable: ping } : { canary: ping, stable: pong };
}

function fixedRoles({ canary }: Pass): Roles {
  return { canary: canary?.canaryService ?? "", stable: canary?.stableService ?? "" };
}

/** A router that does not prefer ping and pong takes them only where no other Service is named. */
export function rolesOf(pass: Pass, { prefersPingPong }: { readonly prefersPingPong: boolean }): Roles {
  const fixed = fixedRoles(pass);
  const hasFixed = fixed.canary !== "" || fixed.stable !== "";
  const pingPong = prefersPingPong || !hasFixed ? pingPongRoles(pass) : null;
  return pingPong ?? fixed;
}

export function rolesInUse(pass: Pass): readonly Roles[] {
  const pingPong = pingPongRoles(pass);
  return [fixedRoles(pass), ...(pingPong ? [pingPong] : [])];
}

/** As the status names them. */
export function shownRoles(pass: Pass): Roles {
  return rolesOf(pass, { prefersPingPong: pass.canary?.trafficRouting?.alb !== undefined });
}

/**
 * At the promotion the Service that leads to the new version becomes the stable one (ARC-204). The weights of the status
 * move with the names: what is told of the canary must never be asked for on behalf of the Service of the former version.
 */
export function moveRoles(pass: Pass): void {
  const { next } = pass;
  const pingPong = pingPongRoles(pass);
  if (!pingPong) return;
  const stablePingPong = next.canary?.stablePingPong === "ping" ? "pong" : "ping";
  const { weights, ...others } = next.canary ?? {};
  const areTheirs = shownRoles(pass).canary === pingPong.canary;
  const moved = weights && areTheirs ? { ...weights, canary: weights.stable, stable: weights.canary } : weights;
  next.canary = { ...others, stablePingPong, ...(moved ? { weights: moved } : {}) };
}
