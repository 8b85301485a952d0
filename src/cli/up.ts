import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import type { ClusterOptions } from "../app/cluster.ts";
import {
  alreadyRunning,
  dataDirectory,
  defaultDataDirectory,
  type Instance,
  prepareDataDirectory,
  runningInstance,
  StartError,
} from "../app/data-directory.ts";
import { systemClock } from "../base/clock.ts";
import { parseDurationMs } from "../base/duration.ts";
import { labelValueProblems } from "../kube/names.ts";
import { defaultPacks, packs } from "../packs/index.ts";
import { dataOption } from "./instance.ts";
import { describeInstance } from "./status.ts";
import { version } from "./version.ts";

interface UpOptions {
  readonly data: string;
  readonly memory?: boolean;
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly apiPort: number;
  readonly gatewayPort: number;
  readonly metricsPort: number;
  readonly prometheusPort: number;
  readonly controllerPort: number;
  readonly instanceId: string;
  readonly leaderElect?: boolean;
  readonly selfServiceNotificationEnabled?: boolean;
  readonly autoscalerSyncPeriod?: number;
  readonly tracing?: number;
  readonly packs: readonly string[];
  readonly images?: string;
}

/** What a detached cluster tells the command that started it. */
type Message = { readonly ready: Instance } | { readonly error: string };

export function upCommand(): Command {
  const names = packs.map(({ name }) => name);
  const defaults = defaultPacks.map(({ name }) => name);
  return new Command("up")
    .description("start the cluster and stay; Ctrl-C stops everything")
    .addOption(dataOption())
    .option("--memory", "keep no data: objects are gone when the cluster stops")
    .option("-d, --detach", "return once the cluster is ready; stop it with `fairway down`")
    .option("--json", "print the addresses as a JSON object")
    .addOption(portOption("--api-port", "API server", 16443))
    .addOption(portOption("--gateway-port", "ingress gateway (its port 80)", 18080))
    .addOption(portOption("--metrics-port", "Prometheus metrics and mesh administration", 15090))
    .addOption(portOption("--prometheus-port", "embedded Prometheus (with the argo pack)", 19090))
    .addOption(portOption("--controller-port", "metrics and health of Argo's controllers (with the argo pack)", 18090))
    .addOption(
      new Option(
        "--instance-id <id>",
        "Argo's controllers look after only the objects whose label controller-instance-id is this",
      )
        .argParser(parseInstanceId)
        .default("", "those without the label"),
    )
    .option("--leader-elect", "Argo's controllers wait for their Lease, which another controller may hold")
    .option("--self-service-notification-enabled", "namespaces may configure notifications of their own Rollouts")
    .addOption(
      new Option(
        "--autoscaler-sync-period <duration>",
        "how often HorizontalPodAutoscalers look at their pods (default: 15s)",
      ).argParser(parsePeriod),
    )
    .addOption(
      new Option(
        "--tracing <percent>",
        "the mesh continues traces in b3 and traceparent headers, and begins one for this share of other requests",
      ).argParser(parsePercent),
    )
    .addOption(
      new Option("--packs <names>", "resource packs to install, in order of preference")
        .argParser((text: string) => parsePacks(text, names))
        .default(defaults, defaults.join(",")),
    )
    .option("--images <file>", "YAML file with further images: which local program runs for an image name")
    .action((options: UpOptions) => {
      // A file that the user names is there; only the one in the data directory may come later.
      if (options.images !== undefined && !existsSync(options.images)) {
        throw new StartError(`the image table ${options.images} of --images does not exist`);
      }
      return options.detach ? startDetached(options) : runForeground(options);
    });
}

function portOption(flag: string, what: string, port: number): Option {
  return new Option(`${flag} <port>`, `loopback port of the ${what}; 0 takes any free one`)
    .default(port)
    .argParser((text) => {
      const value = Number(text);
      if (!Number.isInteger(value) || value < 0 || value > 65535) {
        throw new InvalidArgumentError("expected a port from 0 to 65535.");
      }
      return value;
    });
}

/** It is looked for as a label's value, so it must be able to be one. */
function parseInstanceId(text: string): string {
  const [problem] = labelValueProblems(text);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return text;
}

/** A second is the least that tells CPU time to a percent. */
function parsePeriod(text: string): number {
  const milliseconds = parseDurationMs(text);
  if (milliseconds === null || milliseconds < 1000) {
    throw new InvalidArgumentError("expected a duration of at least 1s, such as 15s or 1m.");
  }
  return milliseconds;
}

function parsePercent(text: string): number {
  const percent = text.trim() === "" ? Number.NaN : Number(text);
  if (!(percent >= 0 && percent <= 100)) throw new InvalidArgumentError("expected a percentage from 0 to 100.");
  return percent;
}

function parsePacks(text: string, known: readonly string[]): string[] {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`no pack is called ${unknown.join(", ")}; there are: ${known.join(", ")}.`);
  }
  return names;
}

function clusterOptions(options: UpOptions): ClusterOptions {
  return {
    directory: dataDirectory(options.data),
    memory: options.memory === true,
    apiPort: options.apiPort,
    gatewayPort: options.gatewayPort,
    metricsPort: options.metricsPort,
    prometheusPort: options.prometheusPort,
    controllerPort: options.controllerPort,
    instanceId: options.instanceId,
    isElected: options.leaderElect === true,
    isSelfServiceNotified: options.selfServiceNotificationEnabled === true,
    autoscalerSyncMs: options.autoscalerSyncPeriod ?? null,
    tracing: options.tracing === undefined ? null : { samplingPercent: options.tracing },
    version,
    packs: options.packs.flatMap((wanted) => packs.filter(({ name }) => name === wanted)),
    imagesFile: options.images ?? null,
  };
}

async function runForeground(options: UpOptions): Promise<void> {
  const startedAt = systemClock.now();
  const tell = (message: Message) => process.send?.(message);
  try {
    // Loaded here alone: a quarter of a second that every other command, and the waiting `--detach`, would pay too.
    const { startCluster } = await import("../app/cluster.ts");
    const cluster = await startCluster(clusterOptions(options));
    const seconds = ((systemClock.now() - startedAt) / 1000).toFixed(1);
    tell({ ready: cluster.instance });
    const isDetached = process.connected;
    process.disconnect?.();
    if (isDetached) {
      // The command that started this process has printed it all.
    } else if (options.json) console.log(JSON.stringify(cluster.instance));
    else {
      console.log(`Fairway ${version} is ready (${seconds} s)\n`);
      console.log(describeInstance(cluster.instance));
      console.log(`\nIn another shell: eval "$(bin/fairway env${dataArgument(options)})"\nCtrl-C stops everything.`);
    }
    const signal = await stopSignal();
    if (!options.json && !isDetached) console.log(`\nstopping (${signal}) ...`);
    await cluster.stop();
    process.exit(0);
  } catch (error) {
    tell({ error: error instanceof StartError ? error.message : String((error as Error)?.stack ?? error) });
    throw error;
  }
}

function dataArgument({ data }: UpOptions): string {
  return data === defaultDataDirectory(process.env) ? "" : ` --data ${data}`;
}

/** A second signal while stopping ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(130));
        resolve(signal);
      });
    }
  });
}

async function startDetached(options: UpOptions): Promise<void> {
  const directory = dataDirectory(options.data);
  const running = runningInstance(directory);
  if (running) throw new StartError(alreadyRunning(directory, running));
  prepareDataDirectory(directory);
  rmSync(directory.logFile, { force: true });
  const log = openSync(directory.logFile, "a", 0o600);
  const args = process.argv.slice(1).filter((argument) => argument !== "--detach" && argument !== "-d");
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  const message = await new Promise<Message>((resolve) => {
    child.once("message", (received) => resolve(received as Message));
    child.once("exit", (code) =>
      resolve({ error: `it ended with exit code ${code}: ${readFileSync(directory.logFile, "utf8").trim()}` }),
    );
    child.once("error", (error) => resolve({ error: error.message }));
  });
  if ("error" in message) throw new StartError(message.error);
  if (child.connected) child.disconnect();
  child.unref();
  if (options.json) console.log(JSON.stringify(message.ready));
  else {
    console.log(describeInstance(message.ready));
    const data = dataArgument(options);
    console.log(`\neval "$(bin/fairway env${data})" points this shell at it; bin/fairway down${data} stops it.`);
  }
}
