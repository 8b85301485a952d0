import type { KubeObject } from "../../api/meta.ts";
import { deepCopy, isRecord } from "../../base/json.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import type { ApiResult } from "./request.ts";
import type { ResourceDefinition } from "./resource.ts";

/**
 * Questions that are asked by a POST and never stored. The embedded cluster lets every authenticated user do everything
 * (there is no RBAC evaluation yet), and these answers say just that. Who the user is only the wire knows: it answers
 * SelfSubjectReview and TokenReview itself where it can.
 */
export function isReview({ type }: ResourceDefinition): boolean {
  return type.group === "authorization.k8s.io" || type.group === "authentication.k8s.io";
}

const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };

const statuses: Readonly<Record<string, object>> = {
  SelfSubjectAccessReview: { allowed: true, reason: "every authenticated user is an administrator" },
  SubjectAccessReview: { allowed: true, reason: "every authenticated user is an administrator" },
  LocalSubjectAccessReview: { allowed: true, reason: "every authenticated user is an administrator" },
  SelfSubjectRulesReview: {
    resourceRules: [everything],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
    incomplete: false,
  },
  SelfSubjectReview: { userInfo: { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] } },
  TokenReview: { authenticated: false, error: "tokens cannot be reviewed here" },
};

export function answerReview({ type }: ResourceDefinition, body: unknown): ApiResult {
  const sent = isRecord(body) ? deepCopy(body) : {};
  const object = {
    metadata: {},
    ...sent,
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    status: statuses[type.kind] ?? {},
  };
  return { code: 201, object: object as unknown as KubeObject, definition: null, warnings: [] };
}
