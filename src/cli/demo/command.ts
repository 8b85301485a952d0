import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import path from "node:path";
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { dataDirectory, type Instance } from "../../app/data-directory.ts";
import { systemClock } from "../../base/clock.ts";
import { createHttpClient } from "../../kube/http-client.ts";
import { loadKubeconfig } from "../../kube/kubeconfig.ts";
import { UsageError } from "../errors.ts";
import { paint, progressLine } from "../terminal.ts";
import { argoWalk } from "./argo.ts";
import { BIN, demoCluster } from "./demo-cluster.ts";
import { lanesWalk } from "./lanes.ts";
import { observe } from "./observe.ts";
import { jsonReporter, type Reporter, textReporter } from "./reporter.ts";
import { Stage } from "./stage.ts";
import type { DemoWalk, WalkReport } from "./walk.ts";

const WALKS: readonly DemoWalk[] = [lanesWalk, argoWalk];
/** Faster, and a release is over before two scrapes have shown that it fails. */
const SPEED_MAX = 10;

interface DemoOptions {
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly data?: string;
  readonly speed: number;
}

export function demoCommand(): Command {
  const names = WALKS.map(({ name }) => name);
  return new Command("demo")
    .description("play a canary release from an empty cluster to the finished release, under load")
    .addArgument(new Argument("[walk]", "which release").choices(names).default(lanesWalk.name))
    .option("--json", "print one JSON object a step and a last one with the summary")
    .option("--keep", "leave the cluster up at the end")
    .option("--speed <n>", "argo: divide the waiting times of the applied manifests by this", parseSpeed, SPEED_MAX)
    .addOption(new Option("--data <dir>", "the demo cluster's data directory (default: a temporary one)"))
    .action(async (name: string, options: DemoOptions) => {
      const walk = WALKS.find((candidate) => candidate.name === name) ?? lanesWalk;
      process.exitCode = (await playDemo(walk, options)) ? 0 : 1;
    });
}

function parseSpeed(text: string): number {
  const speed = Number(text);
  if (!(speed >= 1 && speed <= SPEED_MAX)) throw new InvalidArgumentError(`expected a number from 1 to ${SPEED_MAX}.`);
  return speed;
}

/** True when every step passed and no request failed. */
async function playDemo(walk: DemoWalk, { json, keep, data, speed }: DemoOptions): Promise<boolean> {
  requireKubectl();
  const startedAt = systemClock.now();
  const reporter = json ? jsonReporter(console.log) : personReporter();
  const cluster = demoCluster(data ?? null);
  whenCutShort((exitCode) => {
    cluster.remove();
    process.exit(exitCode);
  });
  let isKept = false;
  try {
    if (!json) console.log(`Fairway demo: ${walk.headline}, on a cluster of its own\n`);
    const instance = cluster.start(walk.packs);
    if (!json) console.log(`Cluster is up: API server ${instance.apiServer}, gateway ${instance.gateway}`);
    const { reports, steps, load } = await playOn(walk, { instance, root: cluster.root }, { reporter, speed });
    const stepsPassed = reports.filter(({ passed }) => passed).length;
    const passed = stepsPassed === steps && load.sent > 0 && load.failed === 0;
    isKept = keep === true;
    const { root } = cluster;
    const remove = data === undefined ? ` && rm -r ${root}` : "";
    reporter.summary({
      passed,
      stepsPassed,
      steps,
      requestsSent: load.sent,
      requestsFailed: load.failed,
      statuses: load.statuses,
      failures: load.failures,
      remark: load.remark ?? null,
      seconds: Math.round((systemClock.now() - startedAt) / 100) / 10,
      kept: isKept
        ? `eval "$(bin/fairway env --data ${root})"     # and later: bin/fairway down --data ${root}${remove}`
        : null,
    });
    return passed;
  } finally {
    if (!isKept) cluster.remove();
  }
}

/** A signal, or a reader of our output that went away (`| head`): the cluster must not stay behind. */
function whenCutShort(end: (exitCode: number) => void): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => end(128 + constants.signals[signal]));
  }
  process.stdout.once("error", () => end(128 + constants.signals.SIGPIPE));
}

async function playOn(
  walk: DemoWalk,
  { instance, root }: { readonly instance: Instance; readonly root: string },
  { reporter, speed }: { readonly reporter: Reporter; readonly speed: number },
): Promise<WalkReport> {
  const client = createHttpClient(loadKubeconfig(instance.kubeconfig));
  const observer = observe(client, walk.watched);
  const env = {
    ...process.env,
    KUBECONFIG: instance.kubeconfig,
    KUBECACHEDIR: dataDirectory(root).kubectlCache,
    PATH: `${path.resolve(BIN)}:${process.env["PATH"]}`,
  };
  const stage = new Stage({ reporter, observer, env, instance });
  try {
    return await walk.play({ stage, instance, speed });
  } finally {
    observer.stop();
    await client.close();
  }
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
