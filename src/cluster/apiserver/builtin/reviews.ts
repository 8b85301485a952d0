import type { ResourceDefinition } from "../resource.ts";
import { open } from "../schema/dsl.ts";
import { builtin, typeOf } from "./define.ts";

/** Questions about who may do what. They are only created: the answer is the body, nothing is stored. */
function review(group: string, kind: string, namespaced = false): ResourceDefinition {
  return builtin(typeOf(group, "v1", kind, `${kind.toLowerCase()}s`, namespaced), {
    verbs: ["create"],
    nameRule: "path-segment",
    fields: { spec: open, status: open },
  });
}

export const authenticationDefinitions: readonly ResourceDefinition[] = [
  review("authentication.k8s.io", "SelfSubjectReview"),
  review("authentication.k8s.io", "TokenReview"),
];

export const authorizationDefinitions: readonly ResourceDefinition[] = [
  review("authorization.k8s.io", "LocalSubjectAccessReview", true),
  review("authorization.k8s.io", "SelfSubjectAccessReview"),
  review("authorization.k8s.io", "SelfSubjectRulesReview"),
  review("authorization.k8s.io", "SubjectAccessReview"),
];
