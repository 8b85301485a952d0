import type { KubeObject } from "../../../api/meta.ts";
import { deepEqual } from "../../../base/json.ts";
import { resources } from "../../../kube/resource.ts";
import {
  controllerRevisionColumns,
  daemonSetColumns,
  deploymentColumns,
  replicaSetColumns,
  statefulSetColumns,
} from "../columns/workload-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import { any, bool, int, intOrString, list, listByKey, long, str, struct } from "../schema/dsl.ts";
import { forbidden, invalid } from "../schema/problems.ts";
import { builtin, ensure, type Fields, fieldsOf, listOf, replicaScale, setDefaults, typeOf } from "./define.ts";
import { podTemplate } from "./pod-schema.ts";
import { notNegative, supported } from "./pod-validation.ts";
import { defaultTemplate } from "./pods.ts";
import { condition, labelSelector } from "./shared-schema.ts";
import { volumeClaimTemplate } from "./storage.ts";
import { immutable, intOrPercent, isNone, validateSelector, validateTemplate } from "./workload-rules.ts";

/** apps/v1: schemas, defaults (K8S-186) and rules (K8S-190) of the five workload kinds. */

const ALWAYS = ["Always"];

function specOf(object: KubeObject): Fields {
  return ensure(object, "spec");
}

function oldSpecOf(old: KubeObject | null): Fields | undefined {
  return old ? fieldsOf(old, "spec") : undefined;
}

const deployments = builtin(resources.deployments, {
  shortNames: ["deploy"],
  categories: ["all"],
  hasStatus: true,
  scale: replicaScale,
  generation: "spec-and-annotations",
  fields: {
    spec: struct(
      "DeploymentSpec",
      {
        replicas: int,
        selector: labelSelector,
        template: podTemplate,
        strategy: struct("DeploymentStrategy", {
          type: str,
          rollingUpdate: struct("RollingUpdateDeployment", { maxUnavailable: intOrString, maxSurge: intOrString }),
        }),
        minReadySeconds: int,
        revisionHistoryLimit: int,
        paused: bool,
        progressDeadlineSeconds: int,
      },
      ["selector", "template"],
    ),
    status: struct("DeploymentStatus", {
      observedGeneration: long,
      replicas: int,
      updatedReplicas: int,
      readyReplicas: int,
      availableReplicas: int,
      unavailableReplicas: int,
      terminatingReplicas: int,
      conditions: listByKey(condition("DeploymentCondition"), "type"),
      collisionCount: int,
    }),
  },
  columns: deploymentColumns,
  applyDefaults: defaultDeployment,
  validate: validateDeployment,
});

function defaultDeployment(object: KubeObject): void {
  const spec = specOf(object);
  setDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  const strategy = ensure(spec, "strategy");
  setDefaults(strategy, { type: "RollingUpdate" });
  if (strategy["type"] === "RollingUpdate") {
    setDefaults(ensure(strategy, "rollingUpdate"), { maxUnavailable: "25%", maxSurge: "25%" });
  }
  defaultTemplate(fieldsOf(spec, "template"));
}

function validateDeployment(object: KubeObject, old: KubeObject | null): readonly FieldProblem[] {
  const spec = specOf(object);
  const problems = [
    ...notNegative(spec, "replicas", "spec"),
    ...validateSelector(spec, "deployment"),
    ...validateTemplate(spec, ALWAYS),
    ...validateStrategy(fieldsOf(spec, "strategy") ?? {}),
    ...["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"].flatMap((key) =>
      notNegative(spec, key, "spec"),
    ),
    ...immutable(spec, oldSpecOf(old), ["selector"]),
  ];
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  if (typeof deadline === "number" && deadline <= Number(minReadySeconds)) {
    problems.push(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
  }
  return problems;
}

function validateStrategy(strategy: Fields): readonly FieldProblem[] {
  const path = "spec.strategy.rollingUpdate";
  const rolling = fieldsOf(strategy, "rollingUpdate");
  if (strategy["type"] === "Recreate") {
    return rolling ? [forbidden(path, "may not be specified when strategy `type` is 'Recreate'")] : [];
  }
  if (strategy["type"] !== "RollingUpdate") {
    return supported(strategy, "type", "spec.strategy", ["Recreate", "RollingUpdate"]);
  }
  const problems = [...intOrPercent(rolling, "maxUnavailable", path), ...intOrPercent(rolling, "maxSurge", path)];
  const maxUnavailable = rolling?.["maxUnavailable"];
  if (isNone(maxUnavailable) && isNone(rolling?.["maxSurge"])) {
    problems.push(invalid(`${path}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  }
  if (typeof maxUnavailable === "string" && Number.parseInt(maxUnavailable, 10) > 100) {
    problems.push(invalid(`${path}.maxUnavailable`, maxUnavailable, "must not be greater than 100%"));
  }
  return problems;
}

const replicaSets = builtin(resources.replicaSets, {
  shortNames: ["rs"],
  categories: ["all"],
  hasStatus: true,
  scale: replicaScale,
  generation: "spec",
  fields: {
    spec: struct(
      "ReplicaSetSpec",
      { replicas: int, minReadySeconds: int, selector: labelSelector, template: podTemplate },
      ["selector"],
    ),
    status: struct("ReplicaSetStatus", {
      replicas: int,
      fullyLabeledReplicas: int,
      readyReplicas: int,
      availableReplicas: int,
      terminatingReplicas: int,
      observedGeneration: long,
      conditions: listByKey(condition("ReplicaSetCondition"), "type"),
    }),
  },
  columns: replicaSetColumns,
  applyDefaults: (object) => {
    const spec = specOf(object);
    setDefaults(spec, { replicas: 1 });
    defaultTemplate(fieldsOf(spec, "template"));
  },
  validate: (object, old) => {
    const spec = specOf(object);
    return [
      ...notNegative(spec, "replicas", "spec"),
      ...notNegative(spec, "minReadySeconds", "spec"),
      ...validateSelector(spec, "deployment"),
      ...validateTemplate(spec, ALWAYS),
      ...immutable(spec, oldSpecOf(old), ["selector"]),
    ];
  },
});

const statefulSets = builtin(typeOf("apps", "v1", "StatefulSet", "statefulsets"), {
  shortNames: ["sts"],
  categories: ["all"],
  hasStatus: true,
  scale: replicaScale,
  generation: "spec",
  fields: {
    spec: struct(
      "StatefulSetSpec",
      {
        replicas: int,
        selector: labelSelector,
        template: podTemplate,
        volumeClaimTemplates: list(volumeClaimTemplate),
        serviceName: str,
        podManagementPolicy: str,
        updateStrategy: struct("StatefulSetUpdateStrategy", {
          type: str,
          rollingUpdate: struct("RollingUpdateStatefulSetStrategy", { partition: int, maxUnavailable: intOrString }),
        }),
        revisionHistoryLimit: int,
        minReadySeconds: int,
        persistentVolumeClaimRetentionPolicy: struct("StatefulSetPersistentVolumeClaimRetentionPolicy", {
          whenDeleted: str,
          whenScaled: str,
        }),
        ordinals: struct("StatefulSetOrdinals", { start: int }),
      },
      ["selector", "template"],
    ),
    status: struct("StatefulSetStatus", {
      observedGeneration: long,
      replicas: int,
      readyReplicas: int,
      currentReplicas: int,
      updatedReplicas: int,
      currentRevision: str,
      updateRevision: str,
      collisionCount: int,
      conditions: listByKey(condition("StatefulSetCondition"), "type"),
      availableReplicas: int,
    }),
  },
  columns: statefulSetColumns,
  applyDefaults: defaultStatefulSet,
  validate: validateStatefulSet,
});

function defaultStatefulSet(object: KubeObject): void {
  const spec = specOf(object);
  setDefaults(spec, { replicas: 1, podManagementPolicy: "OrderedReady", revisionHistoryLimit: 10 });
  const strategy = ensure(spec, "updateStrategy");
  setDefaults(strategy, { type: "RollingUpdate" });
  if (strategy["type"] === "RollingUpdate") setDefaults(ensure(strategy, "rollingUpdate"), { partition: 0 });
  const retention = ensure(spec, "persistentVolumeClaimRetentionPolicy");
  setDefaults(retention, { whenDeleted: "Retain", whenScaled: "Retain" });
  defaultTemplate(fieldsOf(spec, "template"));
  for (const claim of listOf(spec, "volumeClaimTemplates")) {
    setDefaults(claim, { apiVersion: "v1", kind: "PersistentVolumeClaim" });
    setDefaults(ensure(claim, "spec"), { volumeMode: "Filesystem" });
    setDefaults(ensure(claim, "status"), { phase: "Pending" });
  }
}

const STATEFUL_SET_MUTABLE = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
];

const STATEFUL_SET_TEXT =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function validateStatefulSet(object: KubeObject, old: KubeObject | null): readonly FieldProblem[] {
  const spec = specOf(object);
  const oldSpec = oldSpecOf(old);
  const rolling = fieldsOf(fieldsOf(spec, "updateStrategy"), "rollingUpdate");
  const problems = [
    ...notNegative(spec, "replicas", "spec"),
    ...validateSelector(spec, "statefulset"),
    ...validateTemplate(spec, ALWAYS),
    ...supported(spec, "podManagementPolicy", "spec", ["OrderedReady", "Parallel"]),
    ...supported(fieldsOf(spec, "updateStrategy"), "type", "spec.updateStrategy", ["OnDelete", "RollingUpdate"]),
    ...notNegative(rolling, "partition", "spec.updateStrategy.rollingUpdate"),
  ];
  const withoutMutable = (fields: Fields) =>
    Object.fromEntries(Object.entries(fields).filter(([key]) => !STATEFUL_SET_MUTABLE.includes(key)));
  if (oldSpec && !deepEqual(withoutMutable(spec), withoutMutable(oldSpec))) {
    problems.push(forbidden("spec", STATEFUL_SET_TEXT));
  }
  return problems;
}

const daemonSets = builtin(typeOf("apps", "v1", "DaemonSet", "daemonsets"), {
  shortNames: ["ds"],
  categories: ["all"],
  hasStatus: true,
  generation: "spec",
  fields: {
    spec: struct(
      "DaemonSetSpec",
      {
        selector: labelSelector,
        template: podTemplate,
        updateStrategy: struct("DaemonSetUpdateStrategy", {
          type: str,
          rollingUpdate: struct("RollingUpdateDaemonSet", { maxUnavailable: intOrString, maxSurge: intOrString }),
        }),
        minReadySeconds: int,
        revisionHistoryLimit: int,
      },
      ["selector", "template"],
    ),
    status: struct("DaemonSetStatus", {
      currentNumberScheduled: int,
      numberMisscheduled: int,
      desiredNumberScheduled: int,
      numberReady: int,
      observedGeneration: long,
      updatedNumberScheduled: int,
      numberAvailable: int,
      numberUnavailable: int,
      collisionCount: int,
      conditions: listByKey(condition("DaemonSetCondition"), "type"),
    }),
  },
  columns: daemonSetColumns,
  applyDefaults: defaultDaemonSet,
  validate: (object, old) => {
    const spec = specOf(object);
    return [
      ...validateSelector(spec, "daemonset"),
      ...validateTemplate(spec, ALWAYS),
      ...supported(fieldsOf(spec, "updateStrategy"), "type", "spec.updateStrategy", ["OnDelete", "RollingUpdate"]),
      ...immutable(spec, oldSpecOf(old), ["selector"]),
    ];
  },
});

const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";

function defaultDaemonSet(object: KubeObject): void {
  const spec = specOf(object);
  setDefaults(spec, { revisionHistoryLimit: 10 });
  const strategy = ensure(spec, "updateStrategy");
  setDefaults(strategy, { type: "RollingUpdate" });
  if (strategy["type"] === "RollingUpdate") {
    setDefaults(ensure(strategy, "rollingUpdate"), { maxUnavailable: 1, maxSurge: 0 });
  }
  object.metadata.annotations = { [TEMPLATE_GENERATION]: "1", ...object.metadata.annotations };
  defaultTemplate(fieldsOf(spec, "template"));
}

const controllerRevisions = builtin(typeOf("apps", "v1", "ControllerRevision", "controllerrevisions"), {
  fields: { data: any, revision: long },
  columns: controllerRevisionColumns,
  validate: (object, old) =>
    old && !deepEqual(object["data"], old["data"]) ? [invalid("data", object["data"], "field is immutable")] : [],
});

export const appsDefinitions: readonly ResourceDefinition[] = [
  controllerRevisions,
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
];
