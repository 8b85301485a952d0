import type { KubeObject } from "../api/meta.ts";
import { deepEqual } from "../base/json.ts";
import { placeholderValues, resolveMetric } from "./arguments.ts";
import { fieldValue } from "./field-path.ts";
import { effectiveCount } from "./numbers.ts";
import { templatePoliciesProblem } from "./policy.ts";
import { AnalysisSpecError } from "./spec-error.ts";
import type {
  AnalysisRunSpec,
  AnalysisTemplate,
  AnalysisTemplateSpec,
  Argument,
  DryRun,
  MeasurementRetention,
  Metric,
  TemplateRef,
} from "./types.ts";
import { validateRules } from "./validate.ts";

/** Where templates are found; null when there is none of that name. */
export interface TemplateLookup {
  namespaced(name: string): AnalysisTemplate | null;
  cluster(name: string): AnalysisTemplate | null;
}

/**
 * AN-015, AN-016: the templates that the references name, with all that those include, namespaced ones first. Each counts
 * once. Throws `AnalysisSpecError` for a missing template and for one that includes itself.
 */
export function collectTemplates(
  references: readonly TemplateRef[],
  lookup: TemplateLookup,
): readonly AnalysisTemplate[] {
  const found = new Map<string, { readonly template: AnalysisTemplate; readonly isCluster: boolean }>();
  const visit = (reference: TemplateRef, above: readonly string[]) => {
    const isCluster = reference.clusterScope === true;
    const kind = isCluster ? "ClusterAnalysisTemplate" : "AnalysisTemplate";
    const key = `${kind} '${reference.templateName}'`;
    if (above.includes(key)) throw new AnalysisSpecError(`${key} includes itself: ${[...above, key].join(" -> ")}`);
    if (found.has(key)) return;
    const template = isCluster ? lookup.cluster(reference.templateName) : lookup.namespaced(reference.templateName);
    if (!template) throw new AnalysisSpecError(`${key} not found`);
    found.set(key, { template, isCluster });
    for (const inner of template.spec.templates ?? []) visit(inner, [...above, key]);
  };
  for (const reference of references) visit(reference, []);
  const all = [...found.values()];
  return [...all.filter(({ isCluster }) => !isCluster), ...all.filter(({ isCluster }) => isCluster)].map(
    ({ template }) => template,
  );
}

/** AN-015: one spec of several templates. */
export function flattenTemplates(
  templates: readonly AnalysisTemplate[],
): Required<Omit<AnalysisTemplateSpec, "templates">> {
  const specs = templates.map(({ spec }) => spec);
  return {
    args: mergedDeclarations(specs.flatMap((spec) => spec.args ?? [])),
    metrics: unique(
      specs.flatMap((spec) => spec.metrics ?? []),
      ({ name }: Metric) => name,
      "two metrics have the same name",
    ),
    dryRun: unique(
      specs.flatMap((spec) => spec.dryRun ?? []),
      ({ metricName }: DryRun) => metricName,
      "two Dry-Run metric rules have the same name",
    ),
    measurementRetention: unique(
      specs.flatMap((spec) => spec.measurementRetention ?? []),
      ({ metricName }: MeasurementRetention) => metricName,
      "two Measurement Retention metric rules have the same name",
    ),
  };
}

function unique<T>(items: T[], nameOf: (item: T) => string, problem: string): T[] {
  const names = new Set<string>();
  for (const item of items) {
    const name = nameOf(item);
    if (names.has(name)) throw new AnalysisSpecError(`${problem} '${name}'`);
    names.add(name);
  }
  return items;
}

function mergedDeclarations(args: readonly Argument[]): Argument[] {
  const merged = new Map<string, Argument>();
  for (const argument of args) {
    const earlier = merged.get(argument.name);
    const differs = earlier?.value !== undefined && argument.value !== undefined && earlier.value !== argument.value;
    if (differs) {
      throw new AnalysisSpecError(
        `Argument \`${argument.name}\` specified multiple times with different values: '${earlier.value}', '${argument.value}'`,
      );
    }
    const isEmpty = (one: Argument | undefined) => one === undefined || (one.value === undefined && !one.valueFrom);
    if (earlier === undefined || isEmpty(earlier)) merged.set(argument.name, argument);
  }
  return [...merged.values()];
}

/** Hashes that `podTemplateHashValue` stands for (AN-012). */
export interface ArgumentContext {
  readonly object: KubeObject;
  readonly stableHash: string;
  readonly latestHash: string;
}

/** AN-012, AN-013: the arguments of a Rollout's or Experiment's analysis as plain values. Reports every bad one (SU-014). */
export function resolveGivenArguments(
  args: readonly Argument[] | undefined,
  { object, stableHash, latestHash }: ArgumentContext,
): Argument[] {
  const problems: string[] = [];
  const resolved = (args ?? []).map((argument): Argument => {
    const { name, value, valueFrom } = argument;
    if (valueFrom?.podTemplateHashValue === "Stable") return { name, value: stableHash };
    if (valueFrom?.podTemplateHashValue === "Latest") return { name, value: latestHash };
    if (!valueFrom?.fieldRef) return argument;
    try {
      return { name, value: fieldValue(object, valueFrom.fieldRef.fieldPath) };
    } catch (error) {
      if (!(error instanceof AnalysisSpecError)) throw error;
      problems.push(error.message);
      return value === undefined ? { name } : { name, value };
    }
  });
  if (problems.length > 0) throw new AnalysisSpecError(problems.join("; "));
  return resolved;
}

/** AN-010, AN-011: what the template declares, with what was given put over it. */
export function mergeArguments(given: readonly Argument[], declared: readonly Argument[]): Argument[] {
  return declared.map((declaration) => {
    const { name } = declaration;
    const override = given.find((argument) => argument.name === name);
    if (override?.value !== undefined) return { name, value: override.value };
    if (override?.valueFrom) return { ...declaration, valueFrom: override.valueFrom };
    if (declaration.value === undefined && !declaration.valueFrom) {
      throw new AnalysisSpecError(`args.${name} was not resolved`);
    }
    return declaration;
  });
}

export interface RunSpecOptions {
  readonly templates: readonly AnalysisTemplate[];
  /** Already plain: see `resolveGivenArguments`. */
  readonly args: readonly Argument[];
  readonly dryRun?: readonly DryRun[] | undefined;
  readonly measurementRetention?: readonly MeasurementRetention[] | undefined;
}

/** The whole spec of a run: a copy of what its templates say (section 2.3, AN-017). */
export function composeRunSpec({ templates, args, dryRun, measurementRetention }: RunSpecOptions): AnalysisRunSpec {
  const flat = flattenTemplates(templates);
  const merged = mergeArguments(args, flat.args);
  const allDryRun = [...flat.dryRun, ...(dryRun ?? [])];
  const allRetention = [...flat.measurementRetention, ...(measurementRetention ?? [])];
  validateRules(flat.metrics, { dryRun: allDryRun, measurementRetention: allRetention });
  return {
    metrics: flat.metrics,
    ...(merged.length > 0 ? { args: merged } : {}),
    ...(allDryRun.length > 0 ? { dryRun: allDryRun } : {}),
    ...(allRetention.length > 0 ? { measurementRetention: allRetention } : {}),
  };
}

/** RA-001: a finished run, or one of another spec, is not used again. */
export function isSameRunSpec(left: AnalysisRunSpec, right: AnalysisRunSpec): boolean {
  const { terminate: _left, ...rest } = left;
  const { terminate: _right, ...other } = right;
  return deepEqual(rest, other);
}

/**
 * AN-025: what is wrong with the templates of one use, before a run exists; null when nothing is. `isBackground` analysis
 * may run without end.
 */
export function templatesProblem(
  templates: readonly AnalysisTemplate[],
  { isBackground }: { readonly isBackground: boolean },
): string | null {
  try {
    flattenTemplates(templates);
    const ofPolicies = templatePoliciesProblem(templates);
    if (ofPolicies !== null) return ofPolicies;
    for (const template of templates) {
      const values = placeholderValues(template.spec.args);
      for (const declared of template.spec.metrics ?? []) {
        const metric = resolveMetric(declared, values);
        if (!isBackground && effectiveCount(metric) === null) {
          return `AnalysisTemplate ${template.metadata.name} has metric ${metric.name} which runs indefinitely. Invalid value for count: <nil>`;
        }
      }
    }
    return null;
  } catch (error) {
    if (error instanceof AnalysisSpecError) return error.message;
    throw error;
  }
}
