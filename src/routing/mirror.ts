import type { Destination, HttpRouteSpec } from "../api/istio.ts";
import { percentShare } from "./fault.ts";

/** A destination that gets copies of some requests (MESH-155). The share is in [0, 1]. */
export interface CompiledMirror<Target> {
  readonly target: Target;
  readonly share: number;
}

/** `compileTarget` turns a destination into the form that routes have. Without percentage every request is copied. */
export function compileMirrors<Target>(
  rule: HttpRouteSpec,
  compileTarget: (destination: Destination) => Target,
): readonly CompiledMirror<Target>[] {
  const { mirror, mirrors = [], mirrorPercentage, mirrorPercent } = rule;
  const listed = mirrors.flatMap((entry) =>
    entry?.destination
      ? [{ destination: entry.destination, percent: entry.percentage ? (entry.percentage.value ?? 0) : 100 }]
      : [],
  );
  const percent = mirrorPercentage ? (mirrorPercentage.value ?? 0) : (mirrorPercent ?? 100);
  const all = mirror ? [{ destination: mirror, percent }, ...listed] : listed;
  return all
    .map((entry) => ({ target: compileTarget(entry.destination), share: percentShare(entry.percent) }))
    .filter(({ share }) => share > 0);
}
