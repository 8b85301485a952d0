import type { KubeObject } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import { documentOf } from "../../dialects/argo/summary/document.ts";
import { summariseExperiment } from "../../dialects/argo/summary/experiment.ts";
import type { RolloutParts } from "../../dialects/argo/summary.ts";
import { summariseRollout } from "../../dialects/argo/summary.ts";
import type { Experiment, Rollout } from "../../dialects/argo/types.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { type OutputFormat, renderOutput, renderStreamed } from "../plugin/output.ts";
import { renderExperimentHeader, renderRolloutHeader } from "./header.ts";
import { coloured, type Paint, plain } from "./icons.ts";
import { renderNotes } from "./notes.ts";
import { getToRead, listParts } from "./objects.ts";
import { renderExperimentTree, renderRolloutTree } from "./tree.ts";
import { type Ending, exitCodes, type Goal, goalWatch } from "./until.ts";
import { type Picture, type WatchEnd, watchParts } from "./watch.ts";

export interface GetOptions {
  readonly isWatching: boolean;
  readonly hasColor: boolean;
  /** 0: for ever. */
  readonly timeoutMs: number;
  /** Absent: the picture of the original. */
  readonly output?: OutputFormat;
}

export interface GetRolloutOptions extends GetOptions {
  /** What the watch ends at; absent: nothing. */
  readonly until?: readonly Goal[];
}

/** What `get` can show: where the object is, and how it and its parts become text. */
interface View<T extends KubeObject> {
  readonly type: ResourceType;
  readonly draw: (object: T, parts: RolloutParts, brush: { now: Instant; paint: Paint }) => Picture;
  /** For programs. */
  readonly describe: (object: T, parts: RolloutParts) => object;
}

const rolloutView: View<Rollout> = {
  type: resources.argoRollouts,
  draw(rollout, parts, brush) {
    const summary = summariseRollout(rollout, parts);
    const text = `${renderRolloutHeader(summary, brush.paint)}\n${renderRolloutTree(summary, brush)}`;
    return { text, notes: renderNotes(summary) };
  },
  describe: (rollout, parts) => documentOf("RolloutView", summariseRollout(rollout, parts)),
};

const experimentView: View<Experiment> = {
  type: resources.experiments,
  draw(experiment, parts, brush) {
    const summary = summariseExperiment(experiment, parts);
    const text = `${renderExperimentHeader(summary, brush.paint)}\n${renderExperimentTree(summary, brush)}`;
    return { text, notes: renderNotes(summary) };
  },
  describe: (experiment, parts) => documentOf("ExperimentView", summariseExperiment(experiment, parts)),
};

export async function getRollout(
  context: CommandContext,
  name: string,
  { until, ...options }: GetRolloutOptions,
): Promise<void> {
  if (!until) {
    await show(context, name, { view: rolloutView, ...options });
    return;
  }
  const see = goalWatch(until);
  let ending: Ending | null = null;
  const isOver = (rollout: Rollout | null) => {
    ending ??= rollout === null ? { exitCode: exitCodes.ended, text: `rollout "${name}" was deleted` } : see(rollout);
    return ending !== null;
  };
  const how = await show(context, name, { view: rolloutView, ...options, isWatching: true, isOver });
  throwUnlessReached(how, ending);
}

export async function getExperiment(context: CommandContext, name: string, options: GetOptions): Promise<void> {
  await show(context, name, { view: experimentView, ...options });
}

function throwUnlessReached(how: WatchEnd, ending: Ending | null): void {
  if (how === "timeout") throw new CommandError("timed out waiting for the rollout", exitCodes.timeout);
  if (how === "interrupt") throw new CommandError("interrupted", exitCodes.interrupted);
  if (ending && ending.exitCode !== exitCodes.reached) throw new CommandError(ending.text, ending.exitCode);
}

interface ShowOptions<T extends KubeObject> extends GetOptions {
  readonly view: View<T>;
  /** Null: it was there, and is gone. */
  readonly isOver?: (object: T | null) => boolean;
}

async function show<T extends KubeObject>(
  context: CommandContext,
  name: string,
  { view, isWatching, hasColor, timeoutMs, output, isOver }: ShowOptions<T>,
): Promise<WatchEnd> {
  const { clock, namespace } = context;
  const paint = hasColor ? coloured : plain;
  const render = (object: T, parts: RolloutParts): Picture => {
    if (output === undefined) return view.draw(object, parts, { now: clock.now(), paint });
    const content = view.describe(object, parts);
    return { text: isWatching ? renderStreamed(content, output) : renderOutput(content, output), notes: "" };
  };
  const object = await getToRead<T>(context, view.type, name);
  if (!isWatching) {
    const { text, notes } = render(object, await listParts(context));
    context.print(text);
    context.printError(notes);
    return "over";
  }
  return watchParts(context, view.type, {
    timeoutMs,
    isStream: output !== undefined,
    draw(caches, parts) {
      const current = caches.get<T>(view.type, { namespace, name });
      return current === null ? null : render(current, parts);
    },
    isOver: (caches) => isOver?.(caches.get<T>(view.type, { namespace, name })) ?? false,
  });
}
