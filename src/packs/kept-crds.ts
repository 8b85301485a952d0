import type { KubeObject } from "../api/meta.ts";
import { deepEqual, isRecord } from "../base/json.ts";
import type { AdmissionPlugin } from "../kube/admission.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * The kinds of a pack are served with the pack's own schemas. An original's installation manifest brings its
 * CustomResourceDefinitions along: applying it must work and must not change what the pack's controllers rely on, so the
 * definition stays as it is and kubectl prints a warning.
 */
export function keptCrds(packName: string, crds: readonly KubeObject[]): AdmissionPlugin {
  const own = new Map(crds.map((crd) => [crd.metadata.name, crd]));
  return {
    name: `kept-crds.${packName}.fairway.dev`,
    kind: "mutating",
    admit({ type, subresource, object, oldObject }) {
      const kept = object && own.get(object.metadata.name);
      if (type.plural !== "customresourcedefinitions" || subresource !== "" || !kept) return { allowed: true };
      const spec = (oldObject ?? kept)["spec"];
      if (isSameKind(spec, object["spec"])) return { allowed: true };
      return {
        allowed: true,
        object: { ...withoutLastApplied(object), spec },
        warnings: [`${object.metadata.name} is served by Fairway's ${packName} pack: its definition stays as it is`],
      };
    },
  };
}

/** The versions are what differs; what the server fills in elsewhere by itself is no difference. */
function isSameKind(left: unknown, right: unknown): boolean {
  return isRecord(left) && isRecord(right) && deepEqual(left["versions"], right["versions"]);
}

/** It would tell of a definition that is not there, and an original's schema is larger than annotations may be. */
function withoutLastApplied(object: KubeObject): KubeObject {
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  return { ...object, metadata: { ...object.metadata, annotations } };
}
