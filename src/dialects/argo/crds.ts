import type { TSchema } from "typebox";
import type { KubeObject } from "../../api/meta.ts";
import {
  ageColumn,
  type CrdSchema,
  type CrdVersion,
  customResourceDefinition,
  type PrinterColumn,
} from "../../kube/crd.ts";
import { GROUP, VERSION } from "./keys.ts";
import * as schema from "./schema.ts";

/** The CustomResourceDefinitions of argoproj.io (ARC-001…007, AN section 2.1). */

/** TypeBox values are JSON Schema; the copy leaves its own bookkeeping behind. */
function structural(value: TSchema): CrdSchema {
  return toStructural(JSON.parse(JSON.stringify(value))) as CrdSchema;
}

/** TypeBox spells a map with patternProperties, which a structural schema cannot have. */
function toStructural(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toStructural);
  if (typeof value !== "object" || value === null) return value;
  const { patternProperties, ...rest } = value as Record<string, unknown>;
  const converted = Object.fromEntries(Object.entries(rest).map(([key, member]) => [key, toStructural(member)]));
  if (patternProperties === undefined) return converted;
  const [values] = Object.values(patternProperties as Record<string, unknown>);
  return { ...converted, additionalProperties: toStructural(values) };
}

function argoKind(
  kind: string,
  plural: string,
  shortName: string,
  version: Omit<CrdVersion, "name" | "storage" | "required">,
  scope: "Namespaced" | "Cluster" = "Namespaced",
): KubeObject {
  return customResourceDefinition({
    group: GROUP,
    kind,
    plural,
    scope,
    shortNames: [shortName],
    versions: [{ name: VERSION, storage: true, required: ["spec"], ...version }],
  });
}

function integerColumn(name: string, jsonPath: string, description: string): PrinterColumn {
  return { name, type: "integer", jsonPath, description };
}

const templateColumns: readonly PrinterColumn[] = [{ ...ageColumn, description: "Time since resource was created" }];

/** AnalysisRun and Experiment have no status subresource: status is written with the object (AN-001). */
const runColumns = (kind: string): readonly PrinterColumn[] => [
  { name: "Status", type: "string", jsonPath: ".status.phase", description: `${kind} status` },
  { ...ageColumn, description: "Time since resource was created" },
];

export const argoCrds: readonly KubeObject[] = [
  argoKind("Rollout", "rollouts", "ro", {
    spec: structural(schema.rolloutSpec),
    status: structural(schema.rolloutStatus),
    scale: {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.HPAReplicas",
      labelSelectorPath: ".status.selector",
    },
    columns: [
      integerColumn("Desired", ".spec.replicas", "Number of desired pods"),
      integerColumn("Current", ".status.replicas", "Total number of pods targeted by this rollout"),
      integerColumn("Up-to-date", ".status.updatedReplicas", "Pods of the newest template"),
      integerColumn("Available", ".status.availableReplicas", "Pods that are available"),
      { ...ageColumn, description: "Time since resource was created" },
    ],
  }),
  argoKind("AnalysisTemplate", "analysistemplates", "at", {
    spec: structural(schema.analysisTemplateSpec),
    columns: templateColumns,
  }),
  argoKind(
    "ClusterAnalysisTemplate",
    "clusteranalysistemplates",
    "cat",
    { spec: structural(schema.analysisTemplateSpec), columns: templateColumns },
    "Cluster",
  ),
  argoKind("AnalysisRun", "analysisruns", "ar", {
    spec: structural(schema.analysisRunSpec),
    status: structural(schema.analysisRunStatus),
    hasStatusSubresource: false,
    columns: runColumns("AnalysisRun"),
  }),
  argoKind("Experiment", "experiments", "exp", {
    spec: structural(schema.experimentSpec),
    status: structural(schema.experimentStatus),
    hasStatusSubresource: false,
    columns: runColumns("Experiment"),
  }),
];
