import type { KubeObject } from "../../../api/meta.ts";
import { parseQuantity } from "../../../base/quantity.ts";
import type { FieldProblem } from "../resource.ts";
import { forbidden, invalid, notSupported, required } from "../schema/problems.ts";
import { type Fields, fieldsOf, listOf, setDefaults } from "./define.ts";

/** Which HorizontalPodAutoscalers are accepted, and what their behavior says where it says nothing (K8S-189, K8S-242). */

const PERIOD_SECONDS = 15;
const PERCENT_POLICY = { type: "Percent", value: 100, periodSeconds: PERIOD_SECONDS };
const PODS_POLICY = { type: "Pods", value: 4, periodSeconds: PERIOD_SECONDS };

/** K8S-189. */
export const DEFAULT_CPU_PERCENT = 80;

export function cpuMetric(averageUtilization: unknown): Fields {
  return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } };
}

/** An autoscaler without a behavior keeps none: other rules hold for it. */
export function defaultBehavior(spec: Fields): void {
  const behavior = fieldsOf(spec, "behavior");
  if (!behavior) return;
  for (const direction of ["scaleUp", "scaleDown"]) behavior[direction] ??= {};
  const [up, down] = [fieldsOf(behavior, "scaleUp"), fieldsOf(behavior, "scaleDown")];
  if (up) {
    const policies = [{ ...PODS_POLICY }, { ...PERCENT_POLICY }];
    setDefaults(up, { stabilizationWindowSeconds: 0, selectPolicy: "Max", policies });
  }
  if (down) setDefaults(down, { selectPolicy: "Max", policies: [{ ...PERCENT_POLICY }] });
}

export function validateAutoscaler(object: KubeObject): readonly FieldProblem[] {
  const spec = fieldsOf(object, "spec") ?? {};
  const target = fieldsOf(spec, "scaleTargetRef") ?? {};
  const [min, max] = [Number(spec["minReplicas"] ?? 1), Number(spec["maxReplicas"] ?? 0)];
  const problems = ["kind", "name"].filter((key) => !target[key]).map((key) => required(`spec.scaleTargetRef.${key}`));
  if (min < 1) problems.push(invalid("spec.minReplicas", min, "must be greater than or equal to 1"));
  if (max < 1) problems.push(invalid("spec.maxReplicas", max, "must be greater than 0"));
  else if (max < min) {
    problems.push(invalid("spec.maxReplicas", max, "must be greater than or equal to `minReplicas`"));
  }
  const metrics = listOf(spec, "metrics").flatMap((metric, index) => metricProblems(metric, `spec.metrics[${index}]`));
  return [...problems, ...metrics, ...behaviorProblems(spec)];
}

/** The member of each type of metric. */
const SOURCES: Readonly<Record<string, string>> = {
  Object: "object",
  Pods: "pods",
  Resource: "resource",
  ContainerResource: "containerResource",
  External: "external",
};

function metricProblems(metric: Fields, path: string): readonly FieldProblem[] {
  const type = String(metric["type"] ?? "");
  if (type === "") return [required(`${path}.type`, "must specify a metric source type")];
  const member = SOURCES[type];
  if (member === undefined) return [notSupported(`${path}.type`, type, Object.keys(SOURCES).sort())];
  const others = Object.values(SOURCES).filter((name) => name !== member && metric[name] !== undefined);
  const problems = others.map((name) => forbidden(`${path}.${name}`, "must populate the given metric source only"));
  const source = fieldsOf(metric, member);
  const at = `${path}.${member}`;
  if (!source) return [...problems, required(at, "must populate information for the given metric source")];
  return [
    ...problems,
    ...targetProblems(source, at),
    ...(member.endsWith("esource") ? resourceProblems(source, at) : []),
  ];
}

function resourceProblems(source: Fields, path: string): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const target = fieldsOf(source, "target") ?? {};
  if (!source["name"]) problems.push(required(`${path}.name`, "must specify a resource name"));
  if (path.endsWith(".containerResource") && !source["container"]) {
    problems.push(required(`${path}.container`, "must specify a container name"));
  }
  const [share, amount] = [target["averageUtilization"], target["averageValue"]];
  if (share === undefined && amount === undefined) {
    const detail = "must set either a target raw value or a target utilization";
    problems.push(required(`${path}.target.averageUtilization`, detail));
  } else if (share !== undefined && amount !== undefined) {
    const detail = "may not set both a target raw value and a target utilization";
    problems.push(forbidden(`${path}.target.averageValue`, detail));
  }
  return problems;
}

function targetProblems(source: Fields, path: string): readonly FieldProblem[] {
  const target = fieldsOf(source, "target") ?? {};
  const problems: FieldProblem[] = [];
  const type = String(target["type"] ?? "");
  if (type === "") problems.push(required(`${path}.target.type`, "must specify a metric target type"));
  else if (!["Utilization", "Value", "AverageValue"].includes(type)) {
    problems.push(invalid(`${path}.target.type`, type, "must be either Utilization, Value, or AverageValue"));
  }
  for (const name of ["value", "averageValue"]) {
    const value = target[name];
    if (value === undefined || (parseQuantity(String(value)) ?? 0n) > 0n) continue;
    problems.push(invalid(`${path}.target.${name}`, value, "must be positive"));
  }
  const share = target["averageUtilization"];
  if (share !== undefined && Number(share) < 1) {
    problems.push(invalid(`${path}.target.averageUtilization`, share, "must be greater than 0"));
  }
  return problems;
}

/** The original's bounds: an hour for windows, half of one for periods. */
const WINDOW_SECONDS_MAX = 3600;
const PERIOD_SECONDS_MAX = 1800;

function behaviorProblems(spec: Fields): readonly FieldProblem[] {
  const behavior = fieldsOf(spec, "behavior");
  return ["scaleUp", "scaleDown"].flatMap((direction) => {
    const rules = fieldsOf(behavior, direction);
    return rules ? rulesProblems(rules, `spec.behavior.${direction}`) : [];
  });
}

function rulesProblems(rules: Fields, path: string): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { stabilizationWindowSeconds: window, selectPolicy: select, tolerance } = rules;
  const at = `${path}.stabilizationWindowSeconds`;
  if (Number(window) < 0) problems.push(invalid(at, window, "must be greater than or equal to zero"));
  if (Number(window) > WINDOW_SECONDS_MAX) {
    problems.push(invalid(at, window, `must be less than or equal to ${WINDOW_SECONDS_MAX}`));
  }
  if (select !== undefined && !["Disabled", "Max", "Min"].includes(String(select))) {
    problems.push(notSupported(`${path}.selectPolicy`, select, ["Disabled", "Max", "Min"]));
  }
  if (tolerance !== undefined && (parseQuantity(String(tolerance)) ?? -1n) < 0n) {
    problems.push(invalid(`${path}.tolerance`, tolerance, "must be greater or equal to 0"));
  }
  const policies = listOf(rules, "policies");
  if (policies.length === 0) problems.push(required(`${path}.policies`, "must specify at least one Policy"));
  return [...problems, ...policies.flatMap((policy, index) => policyProblems(policy, `${path}.policies[${index}]`))];
}

function policyProblems({ type, value, periodSeconds: period }: Fields, path: string): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (type !== "Pods" && type !== "Percent") {
    problems.push(notSupported(`${path}.type`, type ?? "", ["Percent", "Pods"]));
  }
  if (!(Number(value) > 0)) problems.push(invalid(`${path}.value`, value ?? 0, "must be greater than zero"));
  const at = `${path}.periodSeconds`;
  if (!(Number(period) > 0)) problems.push(invalid(at, period ?? 0, "must be greater than zero"));
  if (Number(period) > PERIOD_SECONDS_MAX) {
    problems.push(invalid(at, period, `must be less than or equal to ${PERIOD_SECONDS_MAX}`));
  }
  return problems;
}
