import type { KubeObject } from "../../api/meta.ts";
import type { Clock } from "../../base/clock.ts";
import { formatTime } from "../../base/time.ts";
import { failure } from "../../kube/errors.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import type { Measured, Usage, UsageSnapshot, UsageSource } from "../usage.ts";
import type { ApiRequest, ApiResult } from "./request.ts";
import type { ResourceDefinition } from "./resource.ts";
import { parseSelection } from "./selection.ts";
import { notFound } from "./statuses.ts";

/** Group metrics.k8s.io (K8S-29): its objects are measured, not stored. */
export function isMeasured({ type }: ResourceDefinition): boolean {
  return type.group === "metrics.k8s.io";
}

export async function answerUsage(
  definition: ResourceDefinition,
  { verb, namespace, name, query }: ApiRequest,
  { usage, clock }: { readonly usage: UsageSource | null; readonly clock: Clock },
): Promise<ApiResult> {
  const snapshot = await usage?.whenMeasured();
  const problem = snapshot === undefined ? "this API server has no node that measures" : snapshot.problem;
  if (!snapshot || problem !== null) throw failure(503, "ServiceUnavailable", `metrics not available: ${problem}`);
  const items = objectsOf(definition, snapshot).filter(
    ({ metadata }) => namespace === "" || metadata.namespace === namespace,
  );
  if (verb === "get") {
    const found = items.find(({ metadata }) => metadata.name === name);
    if (!found) throw notFound(definition.type, name);
    return { code: 200, object: found, definition, warnings: [] };
  }
  const selection = parseSelection(definition, query);
  const object = {
    kind: definition.listKind,
    apiVersion: apiVersionOf(definition.type),
    // Nothing of it can be watched, so the revision says only that there is one.
    metadata: { resourceVersion: String(clock.now()) },
    items: items.filter((item) => selection.matches(item)),
  };
  return { code: 200, object: object as unknown as KubeObject, definition, warnings: [] };
}

function objectsOf({ type }: ResourceDefinition, { pods, node }: UsageSnapshot): readonly KubeObject[] {
  const apiVersion = apiVersionOf(type);
  const head = { apiVersion, kind: type.kind };
  if (type.kind === "NodeMetrics") {
    if (node === null) return [];
    const metadata = { name: node.name, labels: { ...node.labels }, creationTimestamp: formatTime(node.at) };
    return [{ ...head, metadata, ...measuredOf(node), usage: quantitiesOf(node) }];
  }
  return [...pods].sort(byName).map((pod) => {
    const { namespace, name, labels, at } = pod;
    const containers = pod.containers.map((one) => ({ name: one.name, usage: quantitiesOf(one) }));
    const metadata = { namespace, name, labels: { ...labels }, creationTimestamp: formatTime(at) };
    return { ...head, metadata, ...measuredOf(pod), containers };
  });
}

function byName(left: { namespace: string; name: string }, right: { namespace: string; name: string }): number {
  return left.namespace.localeCompare(right.namespace) || left.name.localeCompare(right.name);
}

function measuredOf({ at, windowMs }: Measured) {
  return { timestamp: formatTime(at), window: `${windowMs / 1000}s` };
}

function quantitiesOf({ cpuNanos, memoryBytes }: Usage) {
  return { cpu: `${cpuNanos}n`, memory: `${Math.ceil(memoryBytes / 1024)}Ki` };
}
