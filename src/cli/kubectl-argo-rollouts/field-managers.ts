import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";

/**
 * SU-022: whoever keeps the manifests elsewhere, as Argo CD, Flux or Helm do, will put its own pod template back after an
 * undo. Their names stand in what the API server notes of who wrote which field.
 */
export function templateManagers({ metadata }: KubeObject): readonly string[] {
  const names = (metadata.managedFields ?? []).flatMap((entry) => {
    if (!isRecord(entry) || typeof entry["manager"] !== "string" || !ownsTemplate(entry["fieldsV1"])) return [];
    return BY_HAND.test(entry["manager"]) ? [] : [entry["manager"]];
  });
  return [...new Set(names)];
}

/** People at a terminal, and controllers that write what they were told. */
const BY_HAND = /^(?:kubectl|before-first-apply$|kube-controller-manager$|rollouts-controller$)/;

function ownsTemplate(fields: unknown): boolean {
  const spec = isRecord(fields) ? fields["f:spec"] : undefined;
  return isRecord(spec) && spec["f:template"] !== undefined;
}

/** "" when nobody else manages the template. */
export function managersNote(object: KubeObject): string {
  const managers = templateManagers(object);
  if (managers.length === 0) return "";
  const verb = managers.length === 1 ? "manages" : "manage";
  return `Note: ${managers.join(", ")} ${verb} the pod template of ${object.kind} '${object.metadata.name}' too, and may put another one back\n`;
}
