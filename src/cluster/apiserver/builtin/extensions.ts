import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { apiServiceColumns, createdColumns, webhookConfigurationColumns } from "../columns/core-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import { any, bool, bytes, int, list, listByKey, long, str, struct } from "../schema/dsl.ts";
import { duplicate, notSupported, required } from "../schema/problems.ts";
import { builtin, ensure, fieldsOf, listOf, setDefaults, typeOf } from "./define.ts";
import { condition, labelSelector } from "./shared-schema.ts";

/** How the API server itself is extended: CRDs, webhook configurations, APIServices. */

const serviceReference = struct("ServiceReference", { namespace: str, name: str, path: str, port: int }, [
  "namespace",
  "name",
]);
const clientConfig = struct("WebhookClientConfig", { url: str, service: serviceReference, caBundle: bytes });

const names = struct(
  "CustomResourceDefinitionNames",
  { plural: str, singular: str, shortNames: list(str), kind: str, listKind: str, categories: list(str) },
  ["plural", "kind"],
);

const version = struct(
  "CustomResourceDefinitionVersion",
  {
    name: str,
    served: bool,
    storage: bool,
    deprecated: bool,
    deprecationWarning: str,
    // The schema of a schema: read as any JSON here, checked as a structural schema (K8S-150).
    schema: struct("CustomResourceValidation", { openAPIV3Schema: any }),
    subresources: struct("CustomResourceSubresources", {
      status: any,
      scale: struct(
        "CustomResourceSubresourceScale",
        { specReplicasPath: str, statusReplicasPath: str, labelSelectorPath: str },
        ["specReplicasPath", "statusReplicasPath"],
      ),
    }),
    additionalPrinterColumns: list(
      struct(
        "CustomResourceColumnDefinition",
        { name: str, type: str, format: str, description: str, priority: int, jsonPath: str },
        ["name", "type", "jsonPath"],
      ),
    ),
    selectableFields: list(struct("SelectableField", { jsonPath: str }, ["jsonPath"])),
  },
  ["name", "served", "storage"],
);

const customResourceDefinitions = builtin(resources.customResourceDefinitions, {
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  hasStatus: true,
  generation: "spec",
  fields: {
    spec: struct(
      "CustomResourceDefinitionSpec",
      {
        group: str,
        names,
        scope: str,
        versions: list(version),
        conversion: struct(
          "CustomResourceConversion",
          {
            strategy: str,
            webhook: struct("WebhookConversion", { clientConfig, conversionReviewVersions: list(str) }, [
              "conversionReviewVersions",
            ]),
          },
          ["strategy"],
        ),
        preserveUnknownFields: bool,
      },
      ["group", "names", "scope", "versions"],
    ),
    status: struct("CustomResourceDefinitionStatus", {
      conditions: listByKey(condition("CustomResourceDefinitionCondition"), "type"),
      acceptedNames: names,
      storedVersions: list(str),
      observedGeneration: long,
    }),
  },
  columns: createdColumns,
  applyDefaults: defaultCrd,
});

/** K8S-150. The server checks CRDs where it also serves them. */
function defaultCrd(crd: KubeObject): void {
  const spec = ensure(crd, "spec");
  const kindNames = ensure(spec, "names");
  const kind = kindNames["kind"];
  if (typeof kind === "string") setDefaults(kindNames, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  setDefaults(ensure(spec, "conversion"), { strategy: "None" });
}

const ruleFields = {
  operations: list(str),
  apiGroups: list(str),
  apiVersions: list(str),
  resources: list(str),
  scope: str,
};

const webhookFields = {
  name: str,
  clientConfig,
  rules: list(struct("RuleWithOperations", ruleFields)),
  failurePolicy: str,
  matchPolicy: str,
  namespaceSelector: labelSelector,
  objectSelector: labelSelector,
  sideEffects: str,
  timeoutSeconds: int,
  admissionReviewVersions: list(str),
  matchConditions: listByKey(struct("MatchCondition", { name: str, expression: str }, ["name", "expression"]), "name"),
};

function webhookConfiguration(kind: string, plural: string): ResourceDefinition {
  const isMutating = kind.startsWith("Mutating");
  const extra = isMutating ? { reinvocationPolicy: str } : {};
  return builtin(typeOf("admissionregistration.k8s.io", "v1", kind, plural, false), {
    categories: ["api-extensions"],
    generation: "spec",
    fields: {
      webhooks: listByKey(struct(kind.replace("Configuration", ""), { ...webhookFields, ...extra }, ["name"]), "name"),
    },
    columns: webhookConfigurationColumns,
    applyDefaults: (object) => defaultWebhooks(object, isMutating),
    validate: validateWebhooks,
  });
}

function defaultWebhooks(object: KubeObject, isMutating: boolean): void {
  for (const webhook of listOf(object, "webhooks")) {
    setDefaults(webhook, { failurePolicy: "Fail", matchPolicy: "Equivalent", timeoutSeconds: 10 });
    webhook["namespaceSelector"] ??= {};
    webhook["objectSelector"] ??= {};
    if (isMutating) setDefaults(webhook, { reinvocationPolicy: "Never" });
    for (const rule of listOf(webhook, "rules")) setDefaults(rule, { scope: "*" });
    const service = fieldsOf(fieldsOf(webhook, "clientConfig"), "service");
    if (service) setDefaults(service, { port: 443 });
  }
}

function validateWebhooks(object: KubeObject): readonly FieldProblem[] {
  const seen = new Set<unknown>();
  return listOf(object, "webhooks").flatMap((webhook, index) => {
    const path = `webhooks[${index}]`;
    const problems: FieldProblem[] = [];
    const { name, sideEffects } = webhook;
    if (!name) problems.push(required(`${path}.name`));
    else if (seen.has(name)) problems.push(duplicate(`${path}.name`, name));
    seen.add(name);
    if (sideEffects === undefined) {
      problems.push(required(`${path}.sideEffects`, "must specify one of None, NoneOnDryRun"));
    } else if (sideEffects !== "None" && sideEffects !== "NoneOnDryRun") {
      problems.push(notSupported(`${path}.sideEffects`, sideEffects, ["None", "NoneOnDryRun"]));
    }
    if (listOf(webhook, "admissionReviewVersions").length === 0) {
      problems.push(required(`${path}.admissionReviewVersions`, "must specify one of v1, v1beta1"));
    }
    return problems;
  });
}

const apiServices = builtin(typeOf("apiregistration.k8s.io", "v1", "APIService", "apiservices", false), {
  categories: ["api-extensions"],
  hasStatus: true,
  fields: {
    spec: struct("APIServiceSpec", {
      service: serviceReference,
      group: str,
      version: str,
      insecureSkipTLSVerify: bool,
      caBundle: bytes,
      groupPriorityMinimum: int,
      versionPriority: int,
    }),
    status: struct("APIServiceStatus", { conditions: listByKey(condition("APIServiceCondition"), "type") }),
  },
  columns: apiServiceColumns,
});

export const admissionRegistrationDefinitions: readonly ResourceDefinition[] = [
  webhookConfiguration("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
  webhookConfiguration("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
];
export const apiExtensionsDefinitions: readonly ResourceDefinition[] = [customResourceDefinitions];
export const apiRegistrationDefinitions: readonly ResourceDefinition[] = [apiServices];
