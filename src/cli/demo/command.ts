import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { dataDirectory, type Instance, runningInstance } from "../../app/data-directory.ts";
import { systemClock } from "../../base/clock.ts";
import { createHttpClient } from "../../kube/http-client.ts";
import { loadKubeconfig } from "../../kube/kubeconfig.ts";
import { resources } from "../../kube/resource.ts";
import { UsageError } from "../errors.ts";
import { paint, progressLine } from "../terminal.ts";
import { playLanes } from "./lanes.ts";
import { Load, type LoadReport } from "./load.ts";
import { observe } from "./observe.ts";
import { jsonReporter, type Reporter, textReporter } from "./reporter.ts";
import { Stage } from "./stage.ts";

const BIN = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "bin");

interface DemoOptions {
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly data?: string;
}

export function demoCommand(): Command {
  return new Command("demo")
    .description("play an end-to-end canary release from an empty cluster to the finished release")
    .option("--json", "print one JSON object a step and a last one with the summary")
    .option("--keep", "leave the cluster up at the end")
    .addOption(new Option("--data <dir>", "the demo cluster's data directory (default: a temporary one)"))
    .action(async (options: DemoOptions) => {
      process.exitCode = (await playDemo(options)) ? 0 : 1;
    });
}

/** True when every step passed and no request failed. */
async function playDemo({ json, keep, data }: DemoOptions): Promise<boolean> {
  requireKubectl();
  const startedAt = systemClock.now();
  const reporter = json ? jsonReporter(console.log) : personReporter();
  const root = data ?? mkdtempSync(path.join(tmpdir(), "fairway-demo-"));
  const clear = () => {
    fairway("down", "--data", root);
    if (!data) rmSync(root, { recursive: true, force: true });
  };
  whenCutShort((exitCode) => {
    clear();
    process.exit(exitCode);
  });
  let isKept = false;
  try {
    if (!json) console.log("Fairway demo: an end-to-end canary release of three services, on a cluster of its own\n");
    const instance = startCluster(root);
    if (!json) console.log(`Cluster is up: API server ${instance.apiServer}, gateway ${instance.gateway}`);
    const { reports, steps, load } = await playOn(instance, reporter);
    const stepsPassed = reports.filter(({ passed }) => passed).length;
    const passed = stepsPassed === steps && load.sent > 0 && load.failed === 0;
    isKept = keep === true;
    reporter.summary({
      passed,
      stepsPassed,
      steps,
      requestsSent: load.sent,
      requestsFailed: load.failed,
      statuses: load.statuses,
      failures: load.failures,
      seconds: Math.round((systemClock.now() - startedAt) / 100) / 10,
      kept: isKept ? `eval "$(bin/fairway env --data ${root})"     # and later: bin/fairway down --data ${root}` : null,
    });
    return passed;
  } finally {
    if (!isKept) clear();
  }
}

/** A signal, or a reader of our output that went away (`| head`): the cluster must not stay behind. */
function whenCutShort(end: (exitCode: number) => void): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => end(128 + constants.signals[signal]));
  }
  process.stdout.once("error", () => end(128 + constants.signals.SIGPIPE));
}

async function playOn(instance: Instance, reporter: Reporter) {
  const client = createHttpClient(loadKubeconfig(instance.kubeconfig));
  const observer = observe(client, [
    resources.pods,
    resources.deployments,
    resources.kruiseRollouts,
    resources.virtualServices,
    resources.destinationRules,
    resources.endpointSlices,
  ]);
  const laneOfAddress = rememberLanes(observer.cache);
  const load = new Load({ url: `${instance.gateway}/mock`, laneOfAddress, hops: 3 });
  const env = { ...process.env, KUBECONFIG: instance.kubeconfig, PATH: `${path.resolve(BIN)}:${process.env["PATH"]}` };
  const stage = new Stage({ reporter, observer, env, instance });
  let isLoading = false;
  const startLoad = () => {
    isLoading = true;
    load.start();
  };
  try {
    const { reports, steps } = await playLanes({ stage, onServing: startLoad });
    const none: LoadReport = { sent: 0, failed: 0, statuses: {}, failures: [] };
    return { reports, steps, load: isLoading ? await load.stop() : none };
  } finally {
    observer.stop();
    await client.close();
  }
}

/** Which lane each pod address belongs to, gone pods included: an answer may arrive after its pod has left. */
function rememberLanes(cache: ReturnType<typeof observe>["cache"]): (ip: string) => string | null {
  const lanes = new Map<string, string>();
  cache.of(resources.pods)?.onChange(({ after }) => {
    const ip = ((after?.["status"] ?? {}) as { podIP?: string }).podIP;
    if (after && ip) lanes.set(ip, after.metadata.labels?.["ASM_TRAFFIC_TAG"] ?? "");
  });
  return (ip) => lanes.get(ip) ?? null;
}

/** Said before anything is started. */
function requireKubectl(): void {
  const found = spawnSync("kubectl", ["version", "--client"], { encoding: "utf8" });
  if (!found.error) return;
  throw new UsageError(
    "kubectl was not found on PATH; install it from https://kubernetes.io/docs/tasks/tools/ (1.27 or newer)",
  );
}

function personReporter(): Reporter {
  return textReporter(console.log, paint(process.stdout, process.env), progressLine(process.stdout));
}

function startCluster(root: string): Instance {
  const up = fairway(
    "up",
    "--detach",
    "--memory",
    "--data",
    root,
    "--api-port",
    "0",
    "--gateway-port",
    "0",
    "--metrics-port",
    "0",
  );
  const instance = runningInstance(dataDirectory(root));
  if (up.status !== 0 || !instance) throw new UsageError(`the cluster did not start:\n${up.stdout}${up.stderr}`);
  return instance;
}

function fairway(...args: string[]) {
  return spawnSync(path.join(BIN, "fairway"), args, { encoding: "utf8" });
}
