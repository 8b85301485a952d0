import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type CommandContext, CommandError, type Target, type World, withSession } from "../plugin/command.ts";
import type { ConnectionFlags } from "../plugin/connection.ts";
import { boolean, connectionOptions, durationMs, testable } from "../plugin/program.ts";
import { approve } from "./approve.ts";
import { renderError } from "./command.ts";
import { describe } from "./describe.ts";
import { history } from "./history.ts";
import { pause, resume } from "./pause.ts";
import { restart } from "./restart.ts";
import { status } from "./status.ts";
import { targetsOf } from "./targets.ts";
import { undo } from "./undo.ts";

/** The command line of `kubectl kruise`: verbs, flags and exit codes (KRUISE section 14). */
export async function runKubectlKruise(args: readonly string[], world: World): Promise<number> {
  try {
    await program(world).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    world.printError(renderError(error));
    return 1;
  }
}

interface Flags extends ConnectionFlags {
  readonly filename?: readonly string[];
  readonly kustomize?: string;
  readonly recursive?: boolean;
  readonly output?: string;
  readonly dryRun?: string | true;
  readonly toRevision?: number;
  readonly fast?: boolean;
  readonly watch?: boolean;
  readonly revision?: number;
  readonly timeout?: string;
  readonly color?: boolean;
  readonly all?: boolean;
}

type Verb = (context: CommandContext, targets: Target[], flags: Flags) => Promise<void>;

function program(world: World): Command {
  const root = testable(new Command("kubectl-kruise"), world).description("kubectl-kruise controls the OpenKruise CRs");
  const rollout = testable(root.command("rollout"), world).alias("ro").description("Manage the rollout of a resource");
  const add = (name: string, summary: string, verb: Verb) => addVerb(rollout, world, { name, summary, verb });

  add("approve", "Approve a resource", (context, targets, { output }) => approve(context, targets, output));
  add("undo", "Undo a previous rollout", (context, targets, flags) =>
    undo(context, targets, {
      toRevision: flags.toRevision ?? 0,
      dryRun: dryRunOf(flags.dryRun),
      fast: flags.fast ?? false,
      output: flags.output,
    }),
  )
    .option("--to-revision <n>", "the revision to roll back to; 0 is the previous one", wholeNumber, 0)
    .option("--dry-run [how]", "none, server or client: show what would be done")
    .option("--fast", "go back to the last step without traffic instead of to the last revision");
  add("status", "Show the status of the rollout", (context, targets, flags) =>
    status(context, targets, {
      isWatching: flags.watch ?? true,
      revision: flags.revision ?? 0,
      timeoutMs: durationMs(flags.timeout ?? "0s"),
    }),
  )
    .option("-w, --watch [bool]", "watch until done", boolean, true)
    .option("--revision <n>", "the revision to wait for", wholeNumber, 0)
    .option("--timeout <duration>", "how long to wait, e.g. 1s, 2m; 0 for ever", "0s")
    .option("-d, --detail", "accepted for compatibility");
  add("history", "View rollout history", (context, targets, flags) =>
    history(context, targets, flags.revision ?? 0),
  ).option("--revision <n>", "details of this revision", wholeNumber, 0);
  add("pause", "Mark the provided resource as paused", (context, targets, { output }) =>
    pause(context, targets, output),
  );
  add("resume", "Resume a paused resource", (context, targets, { output }) => resume(context, targets, output));
  add("restart", "Restart a resource", (context, targets, { output }) => restart(context, targets, output));

  addDescribe(testable(root.command("describe"), world).description("Show details of a rollout"), world);
  return root;
}

function addVerb(
  parent: Command,
  world: World,
  { name, summary, verb }: { name: string; summary: string; verb: Verb },
) {
  return connectionOptions(testable(parent.command(name), world))
    .description(summary)
    .argument("[resource...]", "TYPE NAME, or TYPE/NAME, several if need be")
    .option("-f, --filename <file>", "files that name the resources", collect, [])
    .option("-k, --kustomize <dir>", "a kustomization directory")
    .option("-R, --recursive", "go through the directories of -f")
    .option("-o, --output <format>", "name, yaml or json")
    .option("--show-managed-fields", "accepted for compatibility")
    .option("--allow-missing-template-keys", "accepted for compatibility")
    .action(async (resources: string[], flags: Flags) => {
      if (flags.kustomize !== undefined) throw new CommandError("kustomizations are not supported here; use -f");
      const { filename = [], recursive = false } = flags;
      if (resources.length === 0 && filename.length === 0) throw new CommandError("required resource not specified");
      await withSession(world, flags, (context) => {
        const targets = targetsOf(resources, { namespace: context.namespace, filenames: filename, recursive });
        return verb(context, targets, flags);
      });
    });
}

function addDescribe(parent: Command, world: World): void {
  connectionOptions(testable(parent.command("rollout"), world))
    .aliases(["rollouts", "ro"])
    .description("Get details about a rollout")
    .argument("[name]", "the rollout's name")
    .option("-w, --watch", "watch for changes")
    .option("--no-color", "print without colour")
    .option("--all", "pods of all batches")
    .option("--timeout <duration>", "stop watching after that many seconds", "0")
    .action((name: string | undefined, flags: Flags) =>
      withSession(world, flags, (context) => {
        if (name === undefined) throw new CommandError("required rollout name not specified");
        return describe(context, name, {
          isWatching: flags.watch ?? false,
          hasColor: (flags.color ?? true) && context.hasColor,
          isAllBatches: flags.all ?? false,
          timeoutMs: durationMs(flags.timeout ?? "0"),
        });
      }),
    );
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, ...value.split(",")];
}

function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError("it must be a whole number");
  return Number(value);
}

function dryRunOf(value: string | true | undefined): "none" | "server" | "client" {
  if (value === undefined || value === "none") return "none";
  if (value === true) return "client"; // A bare flag meant that before kubectl 1.18.
  if (value === "server" || value === "client") return value;
  throw new CommandError(`invalid dry-run value (${value}). Must be "none", "server", or "client".`);
}
