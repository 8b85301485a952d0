import type { Deployment } from "../../api/apps.ts";
import type { Pod } from "../../api/core.ts";
import { formatAge, parseTime } from "../../base/time.ts";
import { labels } from "../../dialects/kruise/keys.ts";
import { strategyOf } from "../../dialects/kruise/strategy.ts";
import { type RolloutSummary, summarise } from "../../dialects/kruise/summary.ts";
import type { Rollout, Step, TrafficRoutingRef } from "../../dialects/kruise/types.ts";
import { isNotFound } from "../../kube/errors.ts";
import { resources } from "../../kube/resource.ts";
import { desiredReplicas } from "../../workloads/replicas.ts";
import { POD_TEMPLATE_HASH } from "../../workloads/template.ts";
import type { CommandContext } from "../plugin/command.ts";
import { follow } from "../plugin/follow.ts";
import { renderTable } from "../plugin/table.ts";
import { typeOfKind } from "./targets.ts";

export interface DescribeOptions {
  readonly isWatching: boolean;
  readonly hasColor: boolean;
  readonly isAllBatches: boolean;
  readonly timeoutMs: number;
}

/** A Rollout with its steps, its workload and the new version's pods (KRUISE-460). */
export async function describe(context: CommandContext, name: string, options: DescribeOptions): Promise<void> {
  const target = { type: resources.kruiseRollouts, namespace: context.namespace, name };
  const show = async (rollout: Rollout) => {
    const text = await render(context, rollout, options);
    context.print(options.isWatching && context.isTerminal ? `${CLEAR}${text}` : text);
  };
  if (!options.isWatching) return show(await context.client.get<Rollout>(target.type, target));
  // One picture after the other, so that a slow read never prints an older state over a newer one.
  let turn = Promise.resolve();
  const see = (object: object) => {
    turn = turn.then(() => show(object as Rollout));
    return false;
  };
  await follow(context, target, see, { timeoutMs: options.timeoutMs, timeoutText: null });
  await turn;
}

const CLEAR = "\u001b[2J\u001b[H";
const GREEN = "\u001b[32m";
const YELLOW = "\u001b[33m";
const RED = "\u001b[31m";
const RESET = "\u001b[0m";

/** Labels take 19 columns (KRUISE-460). */
function row(label: string, value: string | number): string {
  return `${label.padEnd(19)}${value}\n`;
}

async function render(context: CommandContext, rollout: Rollout, options: DescribeOptions): Promise<string> {
  const summary = summarise(rollout);
  const isCurrent = (rollout.status?.observedGeneration ?? 0) === (rollout.metadata.generation ?? 0);
  const parts = [row("Name:", summary.name), row("Namespace:", summary.namespace)];
  if (isCurrent) {
    parts.push(row("Status:", `${icon(summary.phase, options.hasColor)}${summary.phase}`));
    if (summary.message !== "") parts.push(row("Message:", summary.message));
  }
  parts.push(row("Strategy:", summary.style), row(" Step:", `${summary.stepNumber}/${summary.steps.length}`));
  parts.push(" Steps:\n", ...summary.steps.map((step, index) => renderStep(step, index + 1, { summary, options })));
  const routings = strategyOf(rollout)?.trafficRoutings ?? [];
  if (routings.length > 0) parts.push("Traffic Routings:\n", ...routings.map(renderRouting));
  parts.push(await renderWorkload(context, rollout, { summary, options, isCurrent }));
  return parts.join("");
}

function renderStep(
  step: Step,
  number: number,
  { summary, options }: { summary: RolloutSummary; options: DescribeOptions },
): string {
  const lines: string[] = [];
  if (step.replicas !== undefined) lines.push(row("  -  Replicas: ", step.replicas));
  if (step.traffic !== undefined) lines.push(row("     Traffic: ", step.traffic));
  if (step.matches && step.matches.length > 0) {
    lines.push("     Matches: \n");
    for (const { headers = [] } of step.matches) {
      lines.push("      - Headers: \n");
      for (const { name, value, type = "Exact" } of headers) {
        lines.push(row("       - Name:", name), row("         Value:", value), row("         Type:", type));
      }
    }
  }
  if (number !== summary.stepNumber) return lines.join("");
  lines.push(row("     State:", summary.stepState));
  return options.hasColor ? `${GREEN}${lines.join("")}${RESET}` : lines.join("");
}

function renderRouting({ service, ingress, gateway, customNetworkRefs = [] }: TrafficRoutingRef): string {
  const lines = [row("  -  Service: ", service)];
  if (ingress) {
    lines.push(
      "     Ingress: \n",
      row("      classType: ", ingress.classType ?? ""),
      row("      name: ", ingress.name),
    );
  }
  if (gateway) lines.push("     Gateway: \n", row("      HttpRouteName: ", gateway.httpRouteName ?? ""));
  if (customNetworkRefs.length > 0) lines.push("     CustomNetworkRefs: \n");
  for (const { name, kind, apiVersion } of customNetworkRefs) {
    lines.push(row("      name: ", name), row("      kind: ", kind), row("      apiVersion: ", apiVersion));
  }
  return lines.join("");
}

interface Around {
  readonly summary: RolloutSummary;
  readonly options: DescribeOptions;
  readonly isCurrent: boolean;
}

async function renderWorkload(context: CommandContext, rollout: Rollout, around: Around): Promise<string> {
  const { client, namespace } = context;
  const { apiVersion, kind, name } = rollout.spec.workloadRef;
  let workload: Deployment;
  try {
    workload = await client.get<Deployment>(typeOfKind(apiVersion, kind), { namespace, name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return `Error getting resources: ${(error as Error).message}\n`;
  }
  const containers = (workload.spec.template?.spec?.["containers"] ?? []) as { image?: string }[];
  const parts = containers.map(({ image = "" }, index) => row(index === 0 ? "Images:" : "", image));
  parts.push(row("Current Revision:", around.summary.stableRevision));
  parts.push(row("Update Revision:", around.summary.canaryRevision));
  if (around.isCurrent) parts.push(renderReplicas(workload));
  return `${parts.join("")}${await renderPods(context, around)}`;
}

function renderReplicas(workload: Deployment): string {
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = workload.status ?? {};
  return [
    "Replicas:\n",
    row(" Desired:", desiredReplicas(workload)),
    row(" Updated:", updatedReplicas),
    row(" Current:", replicas),
    row(" Ready:", readyReplicas),
    row(" Available:", availableReplicas),
  ].join("");
}

/** Pods of the new version, or of the stable one at rest; of the current batch only, unless all are asked for. */
async function renderPods({ client, namespace, clock }: CommandContext, around: Around): Promise<string> {
  const { summary, options } = around;
  const hash = summary.podTemplateHash || summary.stableRevision;
  if (hash === "") return "";
  const { items } = await client.list<Pod>(resources.pods, {
    namespace,
    labelSelector: `${POD_TEMPLATE_HASH}=${hash}`,
  });
  const batchOf = (pod: Pod) => pod.metadata.labels?.[labels.rolloutBatchId] ?? "";
  const isShown = (pod: Pod) => options.isAllBatches || ["", String(summary.stepNumber)].includes(batchOf(pod));
  const pods = items.filter(isShown);
  if (pods.length === 0) return "";
  const rows = pods
    .sort((left, right) => batchOf(left).localeCompare(batchOf(right)) || readyCount(right) - readyCount(left))
    .map((pod) => {
      const statuses = containerStatuses(pod);
      const restarts = statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
      const phase = pod.metadata.deletionTimestamp ? "Terminating" : (pod.status?.phase ?? "");
      const created = parseTime(pod.metadata.creationTimestamp) ?? clock.now();
      return [
        pod.metadata.name,
        `${readyCount(pod)}/${containerCount(pod)}`,
        batchOf(pod),
        pod.metadata.labels?.[POD_TEMPLATE_HASH] ?? "",
        formatAge(clock.now() - created),
        String(restarts),
        `${icon(phase, options.hasColor)}${phase}`,
      ];
    });
  return renderTable([["NAME", "READY", "BATCH ID", "REVISION", "AGE", "RESTARTS", "STATUS"], ...rows]);
}

function containerStatuses(pod: Pod): readonly { ready?: boolean; restartCount?: number }[] {
  const { containerStatuses: statuses } = (pod.status ?? {}) as { containerStatuses?: [] };
  return statuses ?? [];
}

function readyCount(pod: Pod): number {
  return containerStatuses(pod).filter(({ ready }) => ready === true).length;
}

function containerCount(pod: Pod): number {
  return ((pod["spec"] as { containers?: unknown[] } | undefined)?.containers ?? []).length;
}

const icons: Readonly<Record<string, readonly [string, string]>> = {
  Healthy: [GREEN, "✔"],
  Running: [GREEN, "✔"],
  Progressing: [YELLOW, "⚠"],
  Initial: [YELLOW, "⚠"],
  Pending: [YELLOW, "⚠"],
};

function icon(phase: string, hasColor: boolean): string {
  if (phase === "") return "";
  const [color, sign] = icons[phase] ?? [RED, "✘"];
  return hasColor ? `${color}${sign}${RESET} ` : `${sign} `;
}
