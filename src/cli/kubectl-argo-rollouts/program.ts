import { Command, CommanderError, Option } from "commander";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError, type World, withSession } from "../plugin/command.ts";
import type { ConnectionFlags } from "../plugin/connection.ts";
import { type OutputFormat, outputOption, renderOutput } from "../plugin/output.ts";
import { connectionOptions, durationMs, testable } from "../plugin/program.ts";
import { complete, completionScript, shells } from "./completion.ts";
import * as controls from "./control.ts";
import { create } from "./create.ts";
import { createAnalysisRun } from "./create-analysis-run.ts";
import { renderError, ToldError } from "./errors.ts";
import { asCobra, collect, outputOf, plainFlag, untilOption, wholeNumber } from "./flags.ts";
import { getExperiment, getRollout } from "./get.ts";
import { history } from "./history.ts";
import { lint } from "./lint.ts";
import { listExperiments, listRollouts } from "./list.ts";
import { addNotifications, type Deliver, refuseDelivery } from "./notifications/program.ts";
import { deprecationWarnings, promote } from "./promote.ts";
import { parseContainerImage, setImage } from "./set-image.ts";
import { status } from "./status.ts";
import { undo } from "./undo.ts";
import { exitCodes, type Goal } from "./until.ts";
import { describeVersion, renderVersion } from "./version.ts";
import { why } from "./why.ts";

/** The command line of `kubectl argo rollouts`: verbs, flags and exit codes (CL section 10). */
export async function runKubectlArgoRollouts(
  args: readonly string[],
  world: World,
  deliver: Deliver = refuseDelivery,
): Promise<number> {
  try {
    const program = new Program(world, args);
    addNotifications(program.root, world, deliver);
    await program.root.parseAsync(args.flatMap(plainFlag), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof ToldError)) world.printError(renderError(error));
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

interface Flags extends ConnectionFlags {
  readonly watch?: boolean;
  readonly color?: boolean;
  readonly timeoutSeconds?: number;
  readonly timeout?: string;
  readonly until?: readonly Goal[];
  readonly output?: OutputFormat;
  readonly name?: string;
  readonly allNamespaces?: boolean;
  readonly timestamps?: boolean;
  readonly full?: boolean;
  readonly skip?: boolean;
  readonly yes?: boolean;
  readonly skipCurrentStep?: boolean;
  readonly skipAllSteps?: boolean;
  readonly toRevision?: number;
  readonly revision?: number;
  readonly in?: string;
  readonly filename?: readonly string[];
  readonly from?: string;
  readonly fromFile?: string;
  readonly global?: boolean;
  readonly argument?: readonly string[];
  readonly generateName?: string;
  readonly instanceId?: string;
  readonly short?: boolean;
}

interface Verb {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** What the usage says of its arguments. */
  readonly words?: string;
  /** What its arguments name, which shells may complete. */
  readonly completes?: ResourceType;
  /** How many arguments there must be; else the usage is shown. */
  readonly takes: (count: number) => boolean;
  readonly run: (context: CommandContext, names: readonly string[], flags: Flags) => Promise<void>;
}

const none = (count: number) => count === 0;
const one = (count: number) => count === 1;
const some = (count: number) => count > 0;

const ofRollout = ["ro", "rollouts"];
const ofExperiment = ["exp", "experiments"];

class Program {
  readonly root: Command;
  readonly #world: World;
  /** As they were typed. */
  readonly #args: readonly string[];
  readonly #argumentTypes = new Map<Command, ResourceType>();

  constructor(world: World, args: readonly string[]) {
    this.#world = world;
    this.#args = args;
    this.root = connectionOptions(testable(new Command("kubectl-argo-rollouts"), world))
      .description("Manage Argo Rollouts")
      .option("-v, --kloglevel <level>", "accepted for compatibility")
      .option("--loglevel <level>", "accepted for compatibility");
    this.root.configureOutput({ outputError: (text, write) => write(asCobra(text)) });
    this.#addReading();
    this.#addExplaining();
    this.#addControls();
    this.#addChanges();
    this.#addFiles();
    this.#addOthers();
  }

  #addReading(): void {
    const get = this.#group("get", "Get details about rollouts and experiments");
    const ofGet = (flags: Flags, { hasColor }: CommandContext) => ({
      isWatching: flags.watch ?? false,
      hasColor: (flags.color ?? true) && hasColor,
      timeoutMs: (flags.timeoutSeconds ?? 0) * 1000,
      ...outputOf(flags),
    });
    this.#verb(get, {
      name: "rollout",
      aliases: ofRollout,
      summary: "Get details about a rollout",
      words: "ROLLOUT_NAME",
      completes: resources.argoRollouts,
      takes: one,
      run: (context, [name = ""], flags) => {
        if (flags.timeout !== undefined && !flags.until) {
          throw new CommandError("--timeout needs --until; a plain watch is ended by --timeout-seconds");
        }
        const options = ofGet(flags, context);
        const timeoutMs = flags.timeout === undefined ? options.timeoutMs : durationMs(flags.timeout);
        return getRollout(context, name, { ...options, timeoutMs, ...(flags.until ? { until: flags.until } : {}) });
      },
    })
      .option("-w, --watch", "watch live updates to the rollout")
      .addOption(new Option("--no-watch").hideHelp())
      .option("--no-color", "do not colorize output")
      .option("--timeout-seconds <n>", "end the watch after so many seconds", wholeNumber)
      .addOption(untilOption())
      .option("--timeout <duration>", `how long --until waits before it gives up with exit code ${exitCodes.timeout}`)
      .addOption(outputOption());
    this.#verb(get, {
      name: "experiment",
      aliases: ofExperiment,
      summary: "Get details about an experiment",
      words: "EXPERIMENT_NAME",
      completes: resources.experiments,
      takes: one,
      run: (context, [name = ""], flags) => getExperiment(context, name, ofGet(flags, context)),
    })
      .option("-w, --watch", "watch live updates to the experiment")
      .addOption(new Option("--no-watch").hideHelp())
      .option("--no-color", "do not colorize output")
      .addOption(outputOption());

    const list = this.#group("list", "List rollouts or experiments");
    this.#verb(list, {
      name: "rollouts",
      aliases: ["ro", "rollout"],
      summary: "List rollouts",
      takes: () => true,
      run: (context, _names, flags) =>
        listRollouts(context, {
          isAllNamespaces: flags.allNamespaces ?? false,
          isWatching: flags.watch ?? false,
          hasTimestamps: flags.timestamps ?? false,
          ...(flags.name ? { name: flags.name } : {}),
          ...outputOf(flags),
        }),
    })
      .option("--name <name>", "only show the rollout of this name")
      .option("-A, --all-namespaces", "include all namespaces")
      .option("-w, --watch", "watch for changes")
      .addOption(new Option("--no-watch").hideHelp())
      .option("--timestamps", "print timestamps on updates")
      .addOption(outputOption());
    this.#verb(list, {
      name: "experiments",
      aliases: ["exp", "experiment"],
      summary: "List experiments",
      takes: () => true,
      run: (context, _names, flags) =>
        listExperiments(context, { isAllNamespaces: flags.allNamespaces ?? false, ...outputOf(flags) }),
    })
      .option("-A, --all-namespaces", "include all namespaces")
      .addOption(outputOption());

    this.#verb(this.root, {
      name: "status",
      summary: "Show the status of a rollout",
      words: "ROLLOUT_NAME",
      completes: resources.argoRollouts,
      takes: one,
      run: (context, [name = ""], flags) =>
        status(context, name, {
          isWatching: flags.watch ?? true,
          timeoutMs: durationMs(flags.timeout ?? "0"),
          ...outputOf(flags),
        }),
    })
      .option("-w, --watch", "watch the status of the rollout until it's done (default true)", true)
      .addOption(new Option("--no-watch").hideHelp())
      .option("-t, --timeout <duration>", "how long to watch before giving up (e.g. 1s, 2m, 3h); 0 waits for ever")
      .addOption(outputOption());
  }

  /** What the original does not have (EC-025). */
  #addExplaining(): void {
    const rollout = { completes: resources.argoRollouts, words: "ROLLOUT_NAME", takes: one };
    this.#verb(this.root, {
      ...rollout,
      name: "why",
      summary: "Tell what a rollout waits for, and what to do about it",
      run: (context, [name = ""], { output }) => why(context, name, output),
    }).addOption(outputOption());
    this.#verb(this.root, {
      ...rollout,
      name: "history",
      summary: "List the revisions of a rollout, and how their releases ended",
      run: (context, [name = ""], { revision = 0, output }) => history(context, name, { revision, output }),
    })
      .option("--revision <n>", "show the pod template of this revision", wholeNumber)
      .addOption(outputOption());
  }

  #addControls(): void {
    const simple = (parent: Command, control: controls.Control, verb: Pick<Verb, "name" | "aliases" | "summary">) =>
      this.#verb(parent, {
        ...verb,
        words: `${control.type.kind.toUpperCase()}_NAME...`,
        completes: control.type,
        takes: some,
        run: (context, names, { yes = false }) => controls.control(context, control, names, { isMeant: yes }),
      });
    simple(this.root, controls.abort, { name: "abort", summary: "Abort a rollout" });
    simple(this.root, controls.pause, { name: "pause", summary: "Pause a rollout" });
    const retry = this.#group("retry", "Retry a rollout or experiment");
    simple(retry, controls.retryRollout, {
      name: "rollout",
      aliases: ofRollout,
      summary: "Retry an aborted rollout",
    });
    simple(retry, controls.retryExperiment, {
      name: "experiment",
      aliases: ofExperiment,
      summary: "Retry an experiment",
    });
    const terminate = this.#group("terminate", "Terminate an AnalysisRun or Experiment");
    simple(terminate, controls.terminateAnalysisRun, {
      name: "analysisrun",
      aliases: ["ar", "analysisruns"],
      summary: "Terminate an AnalysisRun",
    }).option("-y, --yes", "do not ask, at a terminal, before a Rollout loses its analysis");
    simple(terminate, controls.terminateExperiment, {
      name: "experiment",
      aliases: ofExperiment,
      summary: "Terminate an experiment",
    });
  }

  #addChanges(): void {
    const rollout = { completes: resources.argoRollouts, words: "ROLLOUT_NAME" };
    this.#verb(this.root, {
      ...rollout,
      name: "promote",
      summary: "Promote a rollout",
      takes: one,
      run: (context, [name = ""], flags) => {
        context.printError(deprecationWarnings(this.#args));
        return promote(context, name, {
          isFull: flags.full ?? false,
          skipsCurrentStep: flags.skipCurrentStep ?? false,
          skipsAllSteps: flags.skipAllSteps ?? false,
          isSkipMeant: flags.skip ?? false,
        });
      },
    })
      .option("--full", "perform a full promotion, skipping analysis, pauses, and steps")
      .option("--skip", "do not ask, at a terminal, before a step is left without its verdict")
      .addOption(new Option("-c, --skip-current-step", "deprecated: promote without a flag").hideHelp())
      .addOption(new Option("-a, --skip-all-steps", "deprecated: use --full").hideHelp());
    this.#verb(this.root, {
      ...rollout,
      name: "restart",
      summary: "Restart the pods of a rollout",
      takes: one,
      run: (context, [name = ""], flags) => controls.restart(context, name, flags.in || undefined),
    }).option("-i, --in <duration>", "amount of time before a restart (e.g. 30s, 5m, 1h)");
    this.#verb(this.root, {
      ...rollout,
      name: "undo",
      summary: "Undo a rollout",
      takes: one,
      run: (context, [name = ""], flags) => undo(context, name, flags.toRevision ?? 0),
    }).option("--to-revision <n>", "the revision to roll back to; 0 is the last one before this", wholeNumber);
    const set = this.#group("set", "Update various values on resources");
    this.#verb(set, {
      ...rollout,
      name: "image",
      words: "ROLLOUT_NAME CONTAINER=IMAGE...",
      summary: "Update the image of a rollout; * stands for all containers",
      takes: (count) => count >= 2,
      run: (context, [name = "", ...pairs]) => {
        const images = pairs.map(parseContainerImage).filter((pair) => pair !== null);
        if (images.length < pairs.length) throw this.#usage(set.commands[0] ?? set);
        return setImage(context, name, images);
      },
    });
  }

  #addFiles(): void {
    const creating = this.#verb(this.root, {
      name: "create",
      summary: "Create a Rollout, Experiment, AnalysisTemplate, ClusterAnalysisTemplate or AnalysisRun from a file",
      takes: none,
      run: (context, _names, { filename = [], watch = false, color = true }) => {
        if (filename.length === 0) throw this.#usage(creating);
        const hasColor = color && context.hasColor;
        return create(context, filename, { isWatching: watch, hasColor, timeoutMs: 0 });
      },
    })
      .option("-f, --filename <file>", "files to create the resource from", collect, [])
      .option("-w, --watch", "watch live updates to the resource after creating")
      .addOption(new Option("--no-watch").hideHelp())
      .option("--no-color", "do not colorize output");
    this.#verb(creating, {
      name: "analysisrun",
      aliases: ["ar"],
      summary: "Create an AnalysisRun from an AnalysisTemplate or a ClusterAnalysisTemplate",
      takes: () => true,
      run: (context, _names, { global: isGlobal = false, argument: args = [], ...flags }) =>
        createAnalysisRun(context, { ...flags, isGlobal, args }),
    })
      .option("--from <name>", "a template in the cluster")
      .option("--from-file <file>", "a template in a file")
      .option("--global", "use a ClusterAnalysisTemplate instead of an AnalysisTemplate")
      .option("-a, --argument <name=value>", "arguments to the template", collect, [])
      .option("--name <name>", "the name of the run")
      .option("--generate-name <prefix>", "the run's name begins with this")
      .option("--instance-id <id>", "the controller instance that is to take the run");
    const linting = this.root
      .command("lint")
      .description("Lint and validate a Rollout")
      .option("-f, --filename <file>", "file to lint")
      .action(({ filename = "" }: { filename?: string }) => {
        if (filename === "") throw this.#usage(linting);
        lint(filename);
      });
  }

  #addOthers(): void {
    this.root
      .command("version")
      .description("Print version")
      .option("--short", "print just the version number")
      .addOption(outputOption())
      .action(({ short = false, output }: Flags) =>
        this.#world.print(output ? renderOutput(describeVersion(), output) : renderVersion(short)),
      );
    const completion = this.root
      .command("completion")
      .description(`Generate completion script: completion ${shells.join("|")}`)
      .argument("[shell]")
      .action((shell?: string) => {
        if (shell === undefined) throw this.#usage(completion);
        this.#world.print(completionScript(shell));
      });
    this.root
      .command("__complete", { hidden: true })
      .argument("[words...]")
      .allowUnknownOption()
      .action(async (words: string[]) => {
        const session = (act: (context: CommandContext) => Promise<void>) =>
          withSession(this.#world, this.root.opts(), act);
        const argumentTypes = this.#argumentTypes;
        this.#world.print(await complete({ root: this.root, argumentTypes, session }, words));
      });
    this.#missing(
      "dashboard",
      "the console, which takes its place, is not part of Fairway yet; use get rollout --watch",
    );
  }

  #missing(name: string, text: string): void {
    this.root
      .command(name)
      .description(`Not available: ${text}`)
      .argument("[words...]")
      .allowUnknownOption()
      .action(() => {
        throw new CommandError(`${name} is not available: ${text}`);
      });
  }

  #group(name: string, summary: string): Command {
    return this.root.command(name).description(summary);
  }

  #verb(parent: Command, { name, aliases = [], summary, words = "", completes, takes, run }: Verb): Command {
    const command = parent
      .command(name)
      .aliases(aliases)
      .usage(`${words} [flags]`.trimStart())
      .description(summary)
      .argument("[names...]")
      .action((names: string[]) => {
        if (!takes(names.length)) throw this.#usage(command);
        const flags = command.optsWithGlobals<Flags>();
        return withSession(this.#world, flags, (context) => run(context, names, flags));
      });
    if (completes) this.#argumentTypes.set(command, completes);
    return command;
  }

  #usage(command: Command): ToldError {
    command.outputHelp({ error: true });
    return new ToldError();
  }
}
