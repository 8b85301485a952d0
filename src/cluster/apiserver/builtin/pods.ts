import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { podTemplateColumns } from "../columns/core-columns.ts";
import { podColumns } from "../columns/pod-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import { required } from "../schema/problems.ts";
import { builtin, type Fields, fieldsOf, typeOf } from "./define.ts";
import { defaultPod, defaultPodSpec } from "./pod-defaults.ts";
import { podSpec, podStatus, podTemplate } from "./pod-schema.ts";
import { validatePodSpec, validatePodUpdate } from "./pod-validation.ts";

const pods = builtin(resources.pods, {
  shortNames: ["po"],
  categories: ["all"],
  hasStatus: true,
  subresources: ["binding", "eviction", "log"],
  generation: "spec",
  selectableFields: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
  ],
  fields: { spec: podSpec, status: podStatus },
  columns: podColumns,
  applyDefaults: defaultPod,
  validate: validatePod,
});

function validatePod(pod: KubeObject, old: KubeObject | null): readonly FieldProblem[] {
  const spec = fieldsOf(pod, "spec");
  if (!spec) return [required("spec.containers")];
  const oldSpec = old ? fieldsOf(old, "spec") : undefined;
  return oldSpec ? validatePodUpdate(spec, oldSpec) : validatePodSpec(spec, "spec");
}

const podTemplates = builtin(typeOf("", "v1", "PodTemplate", "podtemplates"), {
  fields: { template: podTemplate },
  columns: podTemplateColumns,
  applyDefaults: (object) => defaultTemplate(fieldsOf(object, "template")),
});

export function defaultTemplate(template: Fields | undefined): void {
  const spec = fieldsOf(template, "spec");
  if (spec) defaultPodSpec(spec);
}

export const podDefinitions: readonly ResourceDefinition[] = [pods, podTemplates];
