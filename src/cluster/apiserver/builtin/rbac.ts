import type { KubeObject } from "../../../api/meta.ts";
import { deepEqual } from "../../../base/json.ts";
import { createdColumns, roleBindingColumns } from "../columns/core-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import { atomic, list, str, struct } from "../schema/dsl.ts";
import { invalid, notSupported, required } from "../schema/problems.ts";
import { builtin, fieldsOf, listOf, setDefaults, typeOf } from "./define.ts";
import { labelSelector } from "./shared-schema.ts";

const GROUP = "rbac.authorization.k8s.io";

const rules = list(
  struct(
    "PolicyRule",
    {
      verbs: list(str),
      apiGroups: list(str),
      resources: list(str),
      resourceNames: list(str),
      nonResourceURLs: list(str),
    },
    ["verbs"],
  ),
);

const shared = { nameRule: "path-segment", createOnUpdate: true } as const;

const roles = builtin(typeOf(GROUP, "v1", "Role", "roles"), {
  ...shared,
  fields: { rules },
  columns: createdColumns,
  validate: validateRules,
});

const clusterRoles = builtin(typeOf(GROUP, "v1", "ClusterRole", "clusterroles", false), {
  ...shared,
  fields: { rules, aggregationRule: struct("AggregationRule", { clusterRoleSelectors: list(labelSelector) }) },
  columns: createdColumns,
  validate: validateRules,
});

function validateRules(role: KubeObject): readonly FieldProblem[] {
  return listOf(role, "rules").flatMap((rule, index) => {
    const path = `rules[${index}]`;
    const problems: FieldProblem[] = [];
    if (listOf(rule, "verbs").length === 0)
      problems.push(required(`${path}.verbs`, "verbs must contain at least one value"));
    if (listOf(rule, "nonResourceURLs").length > 0) return problems;
    if (listOf(rule, "apiGroups").length === 0) {
      problems.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
    }
    if (listOf(rule, "resources").length === 0) {
      problems.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
    }
    return problems;
  });
}

const bindingFields = {
  subjects: list(atomic(struct("Subject", { kind: str, apiGroup: str, name: str, namespace: str }, ["kind", "name"]))),
  roleRef: atomic(struct("RoleRef", { apiGroup: str, kind: str, name: str }, ["apiGroup", "kind", "name"])),
};

const roleBindings = builtin(typeOf(GROUP, "v1", "RoleBinding", "rolebindings"), {
  ...shared,
  fields: bindingFields,
  columns: roleBindingColumns,
  applyDefaults: defaultBinding,
  validate: (object, old) => validateBinding(object, old, ["ClusterRole", "Role"]),
});

const clusterRoleBindings = builtin(typeOf(GROUP, "v1", "ClusterRoleBinding", "clusterrolebindings", false), {
  ...shared,
  fields: bindingFields,
  columns: roleBindingColumns,
  applyDefaults: defaultBinding,
  validate: (object, old) => validateBinding(object, old, ["ClusterRole"]),
});

/** Users and groups belong to this group; a service account is a core object (K8S-189). */
function defaultBinding(binding: KubeObject): void {
  const roleRef = fieldsOf(binding, "roleRef");
  if (roleRef) roleRef["apiGroup"] = roleRef["apiGroup"] || GROUP;
  for (const subject of listOf(binding, "subjects")) {
    if (subject["kind"] === "User" || subject["kind"] === "Group") setDefaults(subject, { apiGroup: GROUP });
  }
}

function validateBinding(
  binding: KubeObject,
  old: KubeObject | null,
  kinds: readonly string[],
): readonly FieldProblem[] {
  const roleRef = fieldsOf(binding, "roleRef") ?? {};
  const problems: FieldProblem[] = [];
  if (!kinds.includes(String(roleRef["kind"]))) problems.push(notSupported("roleRef.kind", roleRef["kind"], kinds));
  if (!roleRef["name"]) problems.push(required("roleRef.name"));
  if (old && !deepEqual(old["roleRef"], roleRef)) problems.push(invalid("roleRef", roleRef, "cannot change roleRef"));
  listOf(binding, "subjects").forEach((subject, index) => {
    const path = `subjects[${index}]`;
    if (!subject["name"]) problems.push(required(`${path}.name`));
    if (subject["kind"] === "ServiceAccount") {
      if (!subject["namespace"]) problems.push(required(`${path}.namespace`));
    } else if (subject["kind"] !== "User" && subject["kind"] !== "Group") {
      problems.push(notSupported(`${path}.kind`, subject["kind"], ["Group", "ServiceAccount", "User"]));
    }
  });
  return problems;
}

export const rbacDefinitions: readonly ResourceDefinition[] = [clusterRoleBindings, clusterRoles, roleBindings, roles];
