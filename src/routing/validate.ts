import type { DestinationRule, Gateway, VirtualService } from "../api/istio.ts";
import type { KubeObject } from "../api/meta.ts";
import type { AdmissionPlugin } from "../kube/admission.ts";
import { destinationRuleProblems } from "./validate-destination-rule.ts";
import { gatewayProblems } from "./validate-gateway.ts";
import { virtualServiceProblems } from "./validate-virtual-service.ts";

/** Istio's checks of its own kinds, in its words (MESH section 21), as admission (MESH-458). */

export { destinationRuleProblems, gatewayProblems, virtualServiceProblems };

const CHECKS: Readonly<Record<string, (object: KubeObject) => readonly string[]>> = {
  VirtualService: (object) => virtualServiceProblems(object as VirtualService),
  DestinationRule: (object) => destinationRuleProblems(object as DestinationRule),
  Gateway: (object) => gatewayProblems(object as Gateway),
};

const validation: AdmissionPlugin = {
  name: "validation.istio.io",
  kind: "validating",
  admit({ operation, type, subresource, object }) {
    const check = type.group === "networking.istio.io" ? CHECKS[type.kind] : undefined;
    // An object on its way out must be able to lose its finalizers, valid or not.
    if (!check || object === null || operation === "DELETE" || subresource !== "") return { allowed: true };
    if (object.metadata.deletionTimestamp) return { allowed: true };
    const problems = check(object);
    if (problems.length === 0) return { allowed: true };
    const message = `admission webhook "validation.istio.io" denied the request: configuration is invalid: ${joinProblems(problems)}`;
    // The API server answers 400 without a reason to a webhook that gives neither.
    return { allowed: false, code: 400, reason: "", message };
  },
};

export const istioAdmission: readonly AdmissionPlugin[] = [validation];

/** The list form of Istio's error collector. */
function joinProblems(problems: readonly string[]): string {
  if (problems.length === 1) return problems[0]!;
  return `${problems.length} errors occurred:\n${problems.map((problem) => `\t* ${problem}\n`).join("")}\n`;
}
