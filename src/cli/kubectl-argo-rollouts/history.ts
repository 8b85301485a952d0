import { formatAge, parseTime } from "../../base/time.ts";
import { documentOf } from "../../dialects/argo/summary/document.ts";
import { type RevisionHistory, summariseHistory } from "../../dialects/argo/summary/history.ts";
import { summariseRollout } from "../../dialects/argo/summary.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { type OutputFormat, renderOutput, renderYaml } from "../plugin/output.ts";
import { renderTable } from "../plugin/table.ts";
import { getToRead, listParts } from "./objects.ts";
import { withoutHash } from "./undo.ts";

export interface HistoryOptions {
  /** 0: all. */
  readonly revision: number;
  readonly output: OutputFormat | undefined;
}

/** EC-025: the revisions that are kept, in the manner of `kubectl rollout history`. */
export async function history(context: CommandContext, name: string, options: HistoryOptions): Promise<void> {
  const { client, namespace, clock } = context;
  const rollout = await getToRead<Rollout>(context, resources.argoRollouts, name);
  const [parts, { items: events }] = await Promise.all([
    listParts(context),
    client.list(resources.events, { namespace, fieldSelector: `involvedObject.uid=${rollout.metadata.uid}` }),
  ]);
  const summary = summariseRollout(rollout, parts);
  const revisions = summariseHistory({ rollout, summary, replicaSets: parts.replicaSets, events });
  const shown = `rollout.${resources.argoRollouts.group}/${name}`;
  if (options.revision > 0) {
    const wanted = revisions.find(({ revision }) => revision === options.revision);
    const found = parts.replicaSets.find(({ metadata }) => metadata.name === wanted?.replicaSet);
    if (!wanted || !found) throw new CommandError(`unable to find specified revision ${options.revision} in history`);
    const template = withoutHash(found.spec.template);
    const view = documentOf("RevisionView", { namespace, name, ...wanted, template });
    context.print(
      options.output === undefined
        ? `${shown} with revision #${options.revision}\nPod Template:\n${renderYaml(template).replace(/^(?=.)/gm, "  ")}`
        : renderOutput(view, options.output),
    );
    return;
  }
  const view = documentOf("HistoryView", { namespace, name, revisions });
  const table = () => renderTable([TITLES, ...revisions.map((one) => cells(one, clock.now()))]);
  context.print(options.output === undefined ? `${shown}\n${table()}` : renderOutput(view, options.output));
}

const TITLES = ["REVISION", "OUTCOME", "AGE", "HASH", "IMAGES", "CHANGE-CAUSE"];

function cells({ revision, outcome, createdAt, podHash, images, changeCause }: RevisionHistory, now: number): string[] {
  const created = parseTime(createdAt);
  const age = created === null ? "" : formatAge(now - created);
  return [String(revision), outcome, age, podHash, images.join(","), changeCause || "<none>"];
}
