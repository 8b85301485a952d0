import type { KubeObject } from "../../api/meta.ts";
import { formatAge, formatTime, type Instant, parseTime } from "../../base/time.ts";
import { shownPhase } from "../../dialects/argo/status/shown-phase.ts";
import { documentOf } from "../../dialects/argo/summary/document.ts";
import { summariseExperimentBriefly } from "../../dialects/argo/summary/experiment.ts";
import { setWeight, stepPosition } from "../../dialects/argo/summary/weight.ts";
import { replicaCounts, strategyOf, summariseBriefly } from "../../dialects/argo/summary.ts";
import type { Experiment, Rollout } from "../../dialects/argo/types.ts";
import { isExpired } from "../../kube/errors.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import type { CommandContext } from "../plugin/command.ts";
import { type OutputFormat, renderOutput, renderStreamed } from "../plugin/output.ts";
import { durationMs } from "../plugin/program.ts";
import { renderTable } from "../plugin/table.ts";

export interface ListOptions {
  /** Only the one of this name. */
  readonly name?: string;
  readonly isAllNamespaces: boolean;
  readonly isWatching: boolean;
  readonly hasTimestamps: boolean;
  /** Absent: the original's table. */
  readonly output?: OutputFormat;
}

interface Column {
  readonly title: string;
  /** So that lines which a watch prints one by one still stand below each other (CL-030). */
  readonly width: number;
}

const rolloutColumns: readonly Column[] = [
  { title: "NAME", width: 10 },
  { title: "STRATEGY", width: 9 },
  { title: "STATUS", width: 12 },
  { title: "STEP", width: 4 },
  { title: "SET-WEIGHT", width: 10 },
  { title: "READY", width: 5 },
  { title: "DESIRED", width: 7 },
  { title: "UP-TO-DATE", width: 10 },
  { title: "AVAILABLE", width: 9 },
];

/** CL-030, CL-031. */
export async function listRollouts(context: CommandContext, options: ListOptions): Promise<void> {
  if (options.output !== undefined) {
    await listForPrograms(context, options, options.output);
    return;
  }
  const selection = selectionOf(context, options);
  const { items, resourceVersion } = await context.client.list<Rollout>(resources.argoRollouts, selection);
  if (items.length === 0 && !options.isWatching) {
    context.printError("No resources found.\n");
    return;
  }
  const leading = [
    ...(options.hasTimestamps ? [{ title: "TIMESTAMP", width: 20 }] : []),
    ...(options.isAllNamespaces ? [{ title: "NAMESPACE", width: 9 }] : []),
  ];
  const columns = [...leading, ...rolloutColumns];
  const row = (rollout: Rollout) => {
    const cells = rolloutCells(rollout);
    if (options.isAllNamespaces) cells.unshift(rollout.metadata.namespace ?? "");
    return cells;
  };
  const line = (cells: readonly string[]) => {
    const stamped = options.hasTimestamps ? [formatTime(context.clock.now()), ...cells] : cells;
    return stamped.map((cell, index) => cell.padEnd(columns[index]?.width ?? 0));
  };
  context.print(renderTable([columns.map(({ title }) => title), ...items.map((item) => line(row(item)))]));
  if (!options.isWatching) return;
  const told = new Map(items.map((item) => [keyOf(item), row(item).join("\t")]));
  await watchObjects(context, { type: resources.argoRollouts, selection, resourceVersion }, (object) => {
    const cells = row(object as Rollout);
    if (told.get(keyOf(object)) === cells.join("\t")) return;
    told.set(keyOf(object), cells.join("\t"));
    context.print(renderTable([line(cells)]));
  });
}

/** EC-025: one list, or with a watch each Rollout and each change of one by itself. */
async function listForPrograms(context: CommandContext, options: ListOptions, output: OutputFormat): Promise<void> {
  const selection = selectionOf(context, options);
  const { items, resourceVersion } = await context.client.list<Rollout>(resources.argoRollouts, selection);
  if (!options.isWatching) {
    context.print(renderOutput(documentOf("RolloutBriefList", { items: items.map(summariseBriefly) }), output));
    return;
  }
  const told = new Map<string, string>();
  const tell = (object: KubeObject) => {
    const text = renderStreamed(documentOf("RolloutBrief", summariseBriefly(object as Rollout)), output);
    if (told.get(keyOf(object)) === text) return;
    told.set(keyOf(object), text);
    context.print(text);
  };
  for (const item of items) tell(item);
  await watchObjects(context, { type: resources.argoRollouts, selection, resourceVersion }, tell);
}

function rolloutCells(rollout: Rollout): string[] {
  const strategy = strategyOf(rollout);
  const position = strategy === "Canary" ? stepPosition(rollout) : null;
  const { desired, current, updated, ready, available } = replicaCounts(rollout);
  return [
    rollout.metadata.name,
    strategy || "unknown",
    shownPhase(rollout).phase,
    position ? `${position.index}/${position.count}` : "-",
    strategy === "Canary" ? String(setWeight(rollout)) : "-",
    `${ready}/${current}`,
    String(desired),
    String(updated),
    String(available),
  ];
}

const experimentColumns: readonly Column[] = [
  { title: "NAME", width: 10 },
  { title: "STATUS", width: 6 },
  { title: "DURATION", width: 8 },
  { title: "REMAINING", width: 9 },
  { title: "AGE", width: 3 },
];

/** CL-032. */
export async function listExperiments(
  context: CommandContext,
  { isAllNamespaces, output }: Pick<ListOptions, "isAllNamespaces" | "output">,
): Promise<void> {
  const selection = isAllNamespaces ? {} : { namespace: context.namespace };
  const { items } = await context.client.list<Experiment>(resources.experiments, selection);
  if (output !== undefined) {
    const content = documentOf("ExperimentBriefList", { items: items.map(summariseExperimentBriefly) });
    context.print(renderOutput(content, output));
    return;
  }
  if (items.length === 0) {
    context.printError("No resources found.\n");
    return;
  }
  const columns = [...(isAllNamespaces ? [{ title: "NAMESPACE", width: 9 }] : []), ...experimentColumns];
  const rows = items.map((experiment) => {
    const cells = experimentCells(experiment, context.clock.now());
    if (isAllNamespaces) cells.unshift(experiment.metadata.namespace ?? "");
    return cells.map((cell, index) => cell.padEnd(columns[index]?.width ?? 0));
  });
  context.print(renderTable([columns.map(({ title }) => title), ...rows]));
}

function experimentCells({ metadata, spec, status }: Experiment, now: Instant): string[] {
  const created = parseTime(metadata.creationTimestamp);
  const wholeMs = spec.duration === undefined ? null : durationMs(spec.duration);
  const availableAt = parseTime(status?.availableAt);
  const isRunning = ["", "Pending", "Running"].includes(status?.phase ?? "");
  const leftMs = wholeMs !== null && availableAt !== null && isRunning ? availableAt + wholeMs - now : 0;
  return [
    metadata.name,
    status?.phase ?? "",
    wholeMs === null ? "-" : formatAge(wholeMs),
    leftMs > 0 ? formatAge(leftMs) : "-",
    created === null ? "" : formatAge(now - created),
  ];
}

function selectionOf({ namespace }: CommandContext, { name, isAllNamespaces }: ListOptions) {
  return {
    ...(isAllNamespaces ? {} : { namespace }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
  };
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

interface From {
  readonly type: ResourceType;
  readonly selection: ReturnType<typeof selectionOf>;
  readonly resourceVersion: string;
}

/** Each object as it changes, until Ctrl-C. A stream that ends goes on where it was; one too old starts from a list. */
function watchObjects(
  { client, onInterrupt }: CommandContext,
  { type, selection, resourceVersion: start }: From,
  see: (object: KubeObject) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let stop = () => {};
    const forget = onInterrupt(() => {
      stop();
      resolve();
    });
    const fail = (error: unknown) => {
      forget();
      reject(error);
    };
    const begin = (resourceVersion: string) => {
      let latest = resourceVersion;
      const handle = client.watch(
        type,
        { ...selection, resourceVersion },
        {
          onEvent({ type: change, object }) {
            latest = object.metadata.resourceVersion ?? latest;
            if (change !== "BOOKMARK") see(object);
          },
          onEnd(error) {
            if (error === null) begin(latest);
            else if (isExpired(error)) again().catch(fail);
            else fail(error);
          },
        },
      );
      stop = () => handle.stop();
    };
    const again = async () => {
      const { items, resourceVersion } = await client.list(type, selection);
      for (const item of items) see(item);
      begin(resourceVersion);
    };
    begin(start);
  });
}
