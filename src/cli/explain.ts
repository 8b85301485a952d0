import { Command, InvalidArgumentError } from "commander";
import { systemClock } from "../base/clock.ts";
import type { KubeClient } from "../kube/client.ts";
import { isNotFound } from "../kube/errors.ts";
import { createHttpClient } from "../kube/http-client.ts";
import { loadKubeconfig } from "../kube/kubeconfig.ts";
import { parseKey, type ResourceType } from "../kube/resource.ts";
import { type ExplainRequest, explain, type Hop, renderExplain } from "../lanes/explain.ts";
import type { AccessEntry } from "../mesh/access-log.ts";
import { gatewaySource } from "../mesh/mesh.ts";
import { type RoutedKind, routedKinds } from "../routing/kinds.ts";
import { sourceOfPod } from "../routing/source.ts";
import type { RoutingConfig } from "../routing/types.ts";
import { UsageError } from "./errors.ts";
import { sendRequest } from "./http.ts";
import { dataOption, requireInstance } from "./instance.ts";
import { headerOption, pathOption } from "./request-options.ts";
import { paint } from "./terminal.ts";

interface ExplainCommandOptions {
  readonly data: string;
  readonly host?: string;
  readonly path: string;
  readonly method: string;
  readonly port: number;
  readonly header: readonly (readonly [name: string, value: string])[];
  readonly from?: string;
  readonly live?: boolean;
  readonly json?: boolean;
}

/** What the live request did at one hop, as the mesh logged it. */
interface Observation {
  readonly to: string;
  readonly pod: string;
  readonly decision: string;
}

export function explainCommand(): Command {
  return new Command("explain")
    .description("print the way of one request hop by hop, with the rule that decided; sends nothing without --live")
    .addOption(dataOption())
    .option("--host <host>", "Host of the request (default: the gateway's own address)")
    .addOption(pathOption("path of the request", "/"))
    .option("--method <method>", "method of the request", "GET")
    .option("--port <port>", "server port of the gateway, or port of the URL with --from", parsePort, 80)
    .addOption(headerOption())
    .option("--from <namespace/pod>", "the pod that calls, instead of a client outside of the gateway")
    .option("--live", "also send the request and show where the mesh did something else (exit code 1)")
    .option("--json", "print the hops as a JSON object")
    .action(runExplain);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError("expected a port number.");
  return port;
}

async function runExplain(options: ExplainCommandOptions): Promise<void> {
  const { instance } = requireInstance(options.data);
  const client = createHttpClient(loadKubeconfig(instance.kubeconfig));
  try {
    const config = await readConfig(client);
    const request = toRequest(options, config, new URL(instance.gateway).host);
    const hops = explain(config, request);
    const observed = options.live ? await observeLive(request, hops, config, instance) : null;
    const differences = observed ? compare(hops, observed) : [];
    if (options.json) console.log(JSON.stringify({ hops, ...(observed ? { observed, differences } : {}) }));
    else print(hops, observed, differences);
    if (differences.length > 0) process.exitCode = 1;
  } finally {
    await client.close();
  }
}

/** Every object that routing looks at, as it is now. A kind that is not installed has none. */
async function readConfig(client: KubeClient): Promise<RoutingConfig> {
  const read = async (type: ResourceType) => {
    try {
      return (await client.list(type)).items;
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  };
  const kinds = Object.entries(routedKinds);
  const lists = await Promise.all(kinds.map(async ([kind, type]) => [kind, await read(type)] as const));
  // One list for each kind that the table of kinds has.
  const objects = Object.fromEntries(lists) as unknown as Pick<RoutingConfig, RoutedKind>;
  return { ...objects, rootNamespace: "istio-system" };
}

function toRequest(options: ExplainCommandOptions, config: RoutingConfig, gatewayHost: string): ExplainRequest {
  const { path, method, port, header, from } = options;
  const headers = Object.fromEntries(header);
  if (from === undefined) {
    return {
      source: gatewaySource(),
      host: options.host ?? headers["host"] ?? gatewayHost,
      port,
      path,
      method,
      headers,
    };
  }
  if (options.host === undefined) throw new UsageError("--from needs --host: the name that the pod calls");
  if (options.live) throw new UsageError("--live sends through the gateway and cannot go together with --from");
  const key = parseKey(from.includes("/") ? from : `default/${from}`);
  const pod = config.pods.find(
    ({ metadata }) => metadata.name === key.name && (metadata.namespace ?? "") === key.namespace,
  );
  if (!pod) throw new UsageError(`there is no pod ${key.namespace}/${key.name}`);
  return { source: sourceOfPod(pod), host: options.host, port, path, method, headers };
}

/** The lane groups' trace headers: the only thing that all hops of one request have in common. */
function traceHeaders(config: RoutingConfig): readonly string[] {
  return config.swimLaneGroups.flatMap((group) => {
    const spec = (group["spec"] ?? {}) as { permissiveModeConfiguration?: { traceHeader?: string } };
    const header = spec.permissiveModeConfiguration?.traceHeader;
    return header ? [header.toLowerCase()] : [];
  });
}

async function observeLive(
  request: ExplainRequest,
  hops: readonly Hop[],
  config: RoutingConfig,
  instance: { readonly gateway: string; readonly meshAdmin: string },
): Promise<readonly Observation[]> {
  const header = traceHeaders(config).find((name) => request.headers[name] !== undefined);
  if (header === undefined && hops.length > 1) {
    const names = traceHeaders(config).join(" or ") || "a lane group's trace header";
    throw new UsageError(`--live follows the request by its trace header: add one, e.g. -H '${names}: 1'`);
  }
  const startedAt = systemClock.now();
  const { method, host } = request;
  const headers = { ...request.headers, host };
  const { status } = await sendRequest(`${instance.gateway}${request.path}`, { method, headers });
  const query = header ? `?trace=${encodeURIComponent(request.headers[header] ?? "")}` : "";
  const { body } = await sendRequest(`${instance.meshAdmin}/accesslog${query}`);
  const entries = (JSON.parse(body) as AccessEntry[]).filter((entry) => entry.startedAt >= startedAt);
  // An entry is written when its request ends, and a call ends before the request that it was made for.
  const inOrder = header
    ? entries.reverse()
    : entries.filter(({ code, path }) => code === status && path === request.path).slice(-1);
  return inOrder.map(toObservation);
}

function toObservation(entry: AccessEntry): Observation {
  const [, , , host = ""] = (entry.cluster ?? "").split("|");
  const [name = "", namespace = ""] = host.split(".");
  return {
    to: host === "" ? entry.authority : `${namespace}/${name}`,
    pod: entry.upstreamPod ?? "",
    decision: entry.upstreamPod === null ? `${entry.code} ${entry.flags}` : decisionOf(entry),
  };
}

function decisionOf({ lane }: AccessEntry): string {
  return lane === null || lane.reason === "no-lane" ? "default" : lane.reason;
}

/** Where the live request did not do what was predicted: each one is an error of ours. */
function compare(hops: readonly Hop[], observed: readonly Observation[]): readonly string[] {
  const differences: string[] = [];
  for (let index = 0; index < Math.max(hops.length, observed.length); index++) {
    const hop = hops[index];
    const seen = observed[index];
    if (!hop || !seen) {
      differences.push(`hop ${index + 1}: predicted ${hop ? hop.to : "none"}, observed ${seen ? seen.to : "none"}`);
      continue;
    }
    if (!isAsPredicted(hop, seen)) {
      const pods = hop.endpoints.map(({ pod }) => pod).join(", ");
      differences.push(
        `hop ${hop.n}: predicted ${hop.to} ${hop.decision} [${pods}], observed ${seen.to} ${seen.decision} [${seen.pod}]`,
      );
    }
  }
  return differences;
}

function isAsPredicted(hop: Hop, seen: Observation): boolean {
  const refusedWith = /\((404|503)\)$/.exec(hop.decision)?.[1];
  if (refusedWith) return seen.decision.startsWith(refusedWith);
  if (seen.to !== hop.to) return false;
  // Answered by the proxy itself, or by something that is no pod.
  if (hop.endpoints.length === 0) return seen.pod === "";
  const isPredicted = hop.endpoints.some(({ pod }) => pod === seen.pod || seen.pod.endsWith(`/${pod}`));
  return isPredicted && seen.decision === hop.decision;
}

function print(hops: readonly Hop[], observed: readonly Observation[] | null, differences: readonly string[]): void {
  const colours = paint(process.stdout, process.env);
  console.log(renderExplain(hops));
  for (const { why, n } of hops) for (const reason of why) console.log(colours.dim(`  ${n}: ${reason}`));
  if (observed === null) return;
  for (const difference of differences) console.log(colours.red(`✘ ${difference}`));
  if (differences.length === 0)
    console.log(
      colours.green(`✔ the live request did the same (${observed.length} hop${observed.length === 1 ? "" : "s"})`),
    );
}
