import type { PodTemplate } from "../../../api/apps.ts";
import { fnv1a32, safeEncode } from "../../../base/hash.ts";
import type { Step } from "../types.ts";
import { goJson } from "./go-json.ts";

/**
 * The hash that names a ReplicaSet (ARC-030…034), as the original up to 1.8 computes it. It only names: whether two
 * templates are equal is told by template.ts, so that an upgrade of either tool starts no release (ARC-900, INV-27).
 */
export function podTemplateHash(template: PodTemplate, collisionCount?: number): string {
  const text = goJson("PodTemplate", template);
  return safeEncode(String(fnv1a32(collisionCount === undefined ? text : text + collisionSuffix(collisionCount))));
}

/** Little-endian uint32, then four zero bytes. */
function collisionSuffix(count: number): string {
  if (count < 128) return String.fromCharCode(count, 0, 0, 0, 0, 0, 0, 0);
  const bytes = [count & 0x7f, (count >> 7) & 0x7f, (count >> 14) & 0x7f, 0, 0, 0, 0, 0];
  // Beyond 127 the bytes would not survive as text; such a count never occurs, and another name is as good.
  return String.fromCharCode(...bytes);
}

/** Tells that the steps changed and the release starts over (ARC-040, ARC-112). */
export function stepHash(steps: readonly Step[] | undefined): string {
  const text = steps === undefined ? "null" : `[${steps.map((step) => goJson("Step", step)).join(",")}]`;
  return safeEncode(String(fnv1a32(text)));
}
