import type { KubeObject } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import { summariseExperiment } from "../../dialects/argo/summary/experiment.ts";
import type { RolloutParts } from "../../dialects/argo/summary.ts";
import { summariseRollout } from "../../dialects/argo/summary.ts";
import type { Experiment, Rollout } from "../../dialects/argo/types.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import type { CommandContext } from "../plugin/command.ts";
import { renderExperimentHeader, renderRolloutHeader } from "./header.ts";
import { coloured, type Paint, plain } from "./icons.ts";
import { renderNotes } from "./notes.ts";
import { getToRead, listParts } from "./objects.ts";
import { renderExperimentTree, renderRolloutTree } from "./tree.ts";
import { type Picture, watchParts } from "./watch.ts";

export interface GetOptions {
  readonly isWatching: boolean;
  readonly hasColor: boolean;
  /** 0: for ever. */
  readonly timeoutMs: number;
}

/** What `get` can show: where the object is, and how it and its parts become text. */
interface View<T extends KubeObject> {
  readonly type: ResourceType;
  readonly render: (object: T, parts: RolloutParts, brush: { now: Instant; paint: Paint }) => Picture;
}

const rolloutView: View<Rollout> = {
  type: resources.argoRollouts,
  render(rollout, parts, brush) {
    const summary = summariseRollout(rollout, parts);
    const text = `${renderRolloutHeader(summary, brush.paint)}\n${renderRolloutTree(summary, brush)}`;
    return { text, notes: renderNotes(summary) };
  },
};

const experimentView: View<Experiment> = {
  type: resources.experiments,
  render(experiment, parts, brush) {
    const summary = summariseExperiment(experiment, parts);
    const text = `${renderExperimentHeader(summary, brush.paint)}\n${renderExperimentTree(summary, brush)}`;
    return { text, notes: renderNotes(summary) };
  },
};

export function getRollout(context: CommandContext, name: string, options: GetOptions): Promise<void> {
  return show(context, name, { view: rolloutView, ...options });
}

export function getExperiment(context: CommandContext, name: string, options: GetOptions): Promise<void> {
  return show(context, name, { view: experimentView, ...options });
}

async function show<T extends KubeObject>(
  context: CommandContext,
  name: string,
  { view, isWatching, hasColor, timeoutMs }: GetOptions & { readonly view: View<T> },
): Promise<void> {
  const { clock, namespace } = context;
  const paint = hasColor ? coloured : plain;
  const object = await getToRead<T>(context, view.type, name);
  if (!isWatching) {
    const { text, notes } = view.render(object, await listParts(context), { now: clock.now(), paint });
    context.print(text);
    context.printError(notes);
    return;
  }
  await watchParts(context, view.type, {
    timeoutMs,
    draw(caches, parts) {
      const current = caches.get<T>(view.type, { namespace, name });
      return current === null ? null : view.render(current, parts, { now: clock.now(), paint });
    },
  });
}
