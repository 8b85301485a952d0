import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import type { LaneContext, RoutingConfig } from "../routing/types.ts";

/**
 * Whom a pod calls, for want of observations (LANE-904): the URLs in its environment, such as
 * `upstream_url=http://mockb:8000/`, whose host looks like a service.
 */
export function callsOf(
  pod: KubeObject,
  context: {
    config: RoutingConfig;
    contexts: readonly LaneContext[];
    declared: Readonly<Record<string, readonly string[]>> | undefined;
  },
): readonly URL[] {
  const declared = context.declared ? declaredCalls(pod, context.config, context.declared) : null;
  return (declared ?? environmentUrls(pod)).flatMap((text) => (URL.canParse(text) ? [new URL(text)] : []));
}

function declaredCalls(
  pod: KubeObject,
  { services }: RoutingConfig,
  declared: Readonly<Record<string, readonly string[]>>,
): readonly string[] | null {
  const own = services.filter((service) => isSelectedBy(service, pod));
  const calls = own.flatMap(({ metadata }) => declared[`${metadata.namespace}/${metadata.name}`] ?? []);
  return calls.length === 0 ? null : calls;
}

function isSelectedBy({ metadata, ["spec"]: spec }: KubeObject, pod: KubeObject): boolean {
  if (metadata.namespace !== pod.metadata.namespace || !isRecord(spec) || !isRecord(spec["selector"])) return false;
  const selector = Object.entries(spec["selector"]);
  return selector.length > 0 && selector.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

/** Proxy settings are URLs too, but nobody's calls. */
const NOT_CALLS = /proxy/i;

function environmentUrls(pod: KubeObject): readonly string[] {
  const spec = isRecord(pod["spec"]) ? pod["spec"] : {};
  const containers = Array.isArray(spec["containers"]) ? spec["containers"].filter(isRecord) : [];
  const variables = containers.flatMap(({ env }) => (Array.isArray(env) ? env.filter(isRecord) : []));
  return variables.flatMap(({ name, value }) =>
    typeof value === "string" && /^https?:\/\//.test(value) && !NOT_CALLS.test(String(name)) ? [value] : [],
  );
}
