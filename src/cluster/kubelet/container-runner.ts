import { type Cancel, type Clock, sleep } from "../../base/clock.ts";
import { randomUuid } from "../../base/random.ts";
import type { Instant } from "../../base/time.ts";
import { type ContainerFacts, type Terminated, waiting } from "./container-facts.ts";
import { type Launch, prepareLaunch, StartProblem } from "./launch.ts";
import type { ContainerLog } from "./logs.ts";
import { backoffMs, formatGoDuration, restartPolicyOf, willRestart } from "./next-action.ts";
import type { NodeContext } from "./node-context.ts";
import type { Container, LifecycleHandler, Pod, Probe } from "./pod.ts";
import { countProbe, noProbeRun, type ProbeTarget, tcpProbe, tryAction, tryProbe } from "./probes.ts";
import { TOKEN_VARIABLE } from "./process-guard.ts";
import type { RunningProcess } from "./process-runtime.ts";

interface Run {
  readonly process: RunningProcess;
  readonly log: ContainerLog;
  readonly launch: Launch;
  readonly containerId: string;
  readonly startedAt: Instant;
  /** Aborted when the process has ended: probes stop. */
  readonly over: AbortController;
}

/** How often a port is asked whether it listens: a Node.js server needs some 50 ms, so 10 ms cost it a fifth at most. */
const LISTEN_POLL_MS = 10;
/** Programs that are slow to listen are asked less often. */
const LISTEN_POLL_SLOW_MS = 100;
const LISTEN_POLL_FAST_FOR_MS = 2_000;
/** A preStop hook may use up the grace period; the program still gets this long after SIGTERM (K8S-259). */
const GRACE_AFTER_HOOK_MS = 2_000;

/**
 * Runs one container of a pod: finds its program, starts it, probes it, and restarts it when told to.
 *
 *   waiting ──start──> running ──exit──> terminated ──(restart policy, back-off)──> waiting or running
 *      ^ └─ no image, no config: waiting with a reason, tried again after a back-off
 *
 * `facts` is all that others see; `onChange` is called after each change of them.
 */
export class ContainerRunner {
  readonly #context: NodeContext;
  readonly #pod: () => Pod;
  readonly #podIp: string;
  readonly #container: Container;
  readonly #onChange: () => void;
  #facts: ContainerFacts;
  #run: Run | null = null;
  /** Resolves when the end of the latest run is in `facts`. */
  #finished: Promise<void> = Promise.resolve();
  #isStarting = false;
  #isTerminating = false;
  /** Ends in a row without a long run between them; start problems count apart. */
  #failures = 0;
  #startProblems = 0;
  #cancelKill: Cancel = () => {};

  constructor(
    context: NodeContext,
    options: {
      pod: () => Pod;
      podIp: string;
      container: Container;
      facts: ContainerFacts;
      onChange: () => void;
    },
  ) {
    this.#context = context;
    this.#pod = options.pod;
    this.#podIp = options.podIp;
    this.#container = options.container;
    this.#facts = options.facts;
    this.#onChange = options.onChange;
  }

  get facts(): ContainerFacts {
    return this.#facts;
  }

  get name(): string {
    return this.#container.name;
  }

  /** What runs now; it leads a process group of its own. */
  get process(): { readonly pid: number; readonly startedAt: Instant } | null {
    const { process, startedAt } = this.#run ?? {};
    return process === undefined || process.pid === null ? null : { pid: process.pid, startedAt: startedAt! };
  }

  /** Starts the container (again); what goes wrong becomes a waiting reason, never an exception. */
  async start(): Promise<void> {
    if (this.#isStarting || this.#run || this.#isTerminating) return;
    this.#isStarting = true;
    try {
      const launch = await prepareLaunch(this.#context, {
        pod: this.#pod(),
        container: this.#container,
        podIp: this.#podIp,
      });
      // The pod may have been deleted while its ConfigMaps were read.
      if (!this.#isTerminating) this.#launch(launch);
    } catch (error) {
      if (!(error instanceof StartProblem)) throw error;
      this.#reportProblem(error);
    } finally {
      this.#isStarting = false;
    }
  }

  /**
   * preStop, then the stop signal, at `killAt` SIGKILL; resolves when the process is gone. May be called again with an
   * earlier time (a deletion with a shorter grace period).
   */
  async terminate(killAt: Instant, { runHook = true } = {}): Promise<void> {
    const isFirst = !this.#isTerminating;
    this.#isTerminating = true;
    const run = this.#run;
    if (!run) return;
    this.#scheduleKill(run, killAt);
    if (isFirst) {
      this.#context.record(this.#pod(), "Normal", "Killing", `Stopping container ${this.name}`);
      await this.#stop(run, killAt, runHook);
    }
    await this.#finished;
  }

  async #stop(run: Run, killAt: Instant, runHook: boolean): Promise<void> {
    const { clock } = this.#context;
    const hook = this.#container.lifecycle?.preStop;
    if (hook && runHook && killAt > clock.now()) {
      await this.#runHook(run, hook, "PreStop", killAt - clock.now());
      if (this.#run !== run) return;
      this.#scheduleKill(run, Math.max(killAt, clock.now() + GRACE_AFTER_HOOK_MS));
    }
    run.process.signal(run.launch.image.entry.stopSignal ?? "SIGTERM");
  }

  #scheduleKill(run: Run, killAt: Instant): void {
    this.#cancelKill();
    const delayMs = Math.max(0, killAt - this.#context.clock.now());
    this.#cancelKill = this.#context.clock.schedule(delayMs, () => run.process.signal("SIGKILL"));
  }

  #launch(launch: Launch): void {
    const { clock, random, logs, guard, spawn, record } = this.#context;
    const pod = this.#pod();
    const restartCount = this.#facts.last || this.#facts.state.kind === "terminated" ? this.#facts.restartCount + 1 : 0;
    const token = randomUuid(random);
    const log = logs.begin(pod.metadata.uid ?? "", this.name, restartCount);
    record(pod, "Normal", "Created", `Created container: ${this.name}`);
    const child = spawn({
      command: launch.command,
      directory: launch.directory,
      env: { ...launch.env, [TOKEN_VARIABLE]: token },
      onOutput: (stream, lines) => log.append(stream, lines),
    });
    if (child.pid !== null) guard.add(child.pid, token);
    const run: Run = {
      process: child,
      log,
      launch,
      containerId: `fairway://${token}`,
      startedAt: clock.now(),
      over: new AbortController(),
    };
    this.#run = run;
    this.#startProblems = 0;
    const last = this.#facts.state.kind === "terminated" ? this.#facts.state : this.#facts.last;
    this.#change({
      state: { kind: "running", containerId: run.containerId, startedAt: run.startedAt },
      last,
      restartCount,
      isStarted: !this.#waitsForStart(launch),
      isReady: this.#container.readinessProbe === undefined,
    });
    if (child.pid !== null) record(pod, "Normal", "Started", `Started container ${this.name}`);
    this.#finished = this.#watch(run);
    void this.#probe(run);
  }

  async #watch(run: Run): Promise<void> {
    const { exitCode, startError } = await run.process.ended;
    const { clock, guard, backoff, record } = this.#context;
    this.#cancelKill();
    run.over.abort();
    if (run.process.pid !== null) guard.remove(run.process.pid);
    if (startError !== null) {
      run.log.append("stderr", [startError]);
      record(this.#pod(), "Warning", "Failed", `Error: ${startError}`);
    }
    run.log.end();
    this.#run = null;
    const state: Terminated = {
      kind: "terminated",
      containerId: run.containerId,
      startedAt: run.startedAt,
      finishedAt: clock.now(),
      exitCode,
      reason: startError !== null ? "ContainerCannotRun" : exitCode === 0 ? "Completed" : "Error",
      message: startError,
    };
    if (state.finishedAt - state.startedAt >= backoff.resetMs) this.#failures = 0;
    const delayMs = backoffMs(this.#failures++, backoff);
    const facts = { state, isStarted: false, isReady: false, retryAt: state.finishedAt + delayMs };
    const restarts = willRestart({ ...this.#facts, ...facts }, restartPolicyOf(this.#pod()));
    if (!restarts || delayMs === 0 || this.#isTerminating) return this.#change(facts);
    this.#change({ ...facts, state: waiting("CrashLoopBackOff", this.#backoffMessage(delayMs)), last: state });
    record(
      this.#pod(),
      "Warning",
      "BackOff",
      `Back-off restarting failed container ${this.name} in pod ${this.#podIdentity()}`,
    );
  }

  #backoffMessage(delayMs: number): string {
    const delay = formatGoDuration(delayMs);
    return `back-off ${delay} restarting failed container=${this.name} pod=${this.#podIdentity()}`;
  }

  #podIdentity(): string {
    const { name, namespace, uid } = this.#pod().metadata;
    return `${name}_${namespace}(${uid})`;
  }

  /** The first try shows the problem, later ones that it is being waited out (K8S-255, K8S-257). */
  #reportProblem(problem: StartProblem): void {
    const { clock, backoff, record } = this.#context;
    const pod = this.#pod();
    const isFirst = this.#startProblems++ === 0;
    const retryAt = clock.now() + backoffMs(this.#startProblems, backoff);
    if (problem.isImageProblem && !isFirst) {
      const message = `Back-off pulling image "${this.#container.image}"`;
      record(pod, "Normal", "BackOff", message);
      this.#change({ state: waiting("ImagePullBackOff", `${message}: ${problem.message}`), retryAt });
      return;
    }
    record(pod, "Warning", "Failed", problem.isImageProblem ? problem.message : `Error: ${problem.message}`);
    if (problem.isImageProblem) record(pod, "Warning", "Failed", `Error: ${problem.reason}`);
    this.#change({ state: waiting(problem.reason, problem.message), retryAt });
  }

  #waitsForStart({ image }: Launch): boolean {
    return this.#container.startupProbe !== undefined || image.entry.waitForPort === true;
  }

  /** Startup first, then liveness and readiness side by side (K8S-258). */
  async #probe(run: Run): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.#container;
    if (startupProbe) {
      if (!(await this.#probeStartup(run, startupProbe))) return;
    } else if (run.launch.image.entry.waitForPort) {
      if (!(await this.#waitForPort(run))) return;
    }
    if (!this.#facts.isStarted) this.#change({ isStarted: true });
    if (readinessProbe) void this.#probeReadiness(run, readinessProbe);
    if (livenessProbe) void this.#probeLiveness(run, livenessProbe);
  }

  async #waitForPort(run: Run): Promise<boolean> {
    const { clock } = this.#context;
    const port = this.#container.ports?.[0]?.containerPort ?? run.launch.image.entry.port;
    if (port === undefined) return true;
    while (!run.over.signal.aborted) {
      if ((await tcpProbe(this.#podIp, port, 1_000)).ok) return !run.over.signal.aborted;
      const isYoung = clock.now() - run.startedAt < LISTEN_POLL_FAST_FOR_MS;
      await pause(clock, isYoung ? LISTEN_POLL_MS : LISTEN_POLL_SLOW_MS, run.over.signal);
    }
    return false;
  }

  async #probeStartup(run: Run, probe: Probe): Promise<boolean> {
    for await (const verdict of this.#verdicts(run, probe, "Startup")) {
      if (verdict === "passed") return true;
      if (verdict === "failed") {
        await this.#restart(run, `Container ${this.name} failed startup probe, will be restarted`);
        return false;
      }
    }
    return false;
  }

  async #probeReadiness(run: Run, probe: Probe): Promise<void> {
    for await (const verdict of this.#verdicts(run, probe, "Readiness")) {
      if (verdict !== "open" && this.#facts.isReady !== (verdict === "passed")) {
        this.#change({ isReady: verdict === "passed" });
      }
    }
  }

  async #probeLiveness(run: Run, probe: Probe): Promise<void> {
    for await (const verdict of this.#verdicts(run, probe, "Liveness")) {
      if (verdict !== "failed") continue;
      await this.#restart(run, `Container ${this.name} failed liveness probe, will be restarted`);
      return;
    }
  }

  /** One verdict a try, until the process has ended or is being ended. */
  async *#verdicts(run: Run, probe: Probe, kind: "Startup" | "Readiness" | "Liveness") {
    const { clock, record } = this.#context;
    const { signal } = run.over;
    const target = this.#probeTarget(run);
    let counted = noProbeRun;
    await pause(clock, (probe.initialDelaySeconds ?? 0) * 1000, signal);
    while (!signal.aborted && !this.#isTerminating) {
      const result = await tryProbe(probe, target);
      if (signal.aborted || this.#isTerminating) return;
      if (!result.ok) record(this.#pod(), "Warning", "Unhealthy", `${kind} probe failed: ${result.message}`);
      const { run: next, verdict } = countProbe(counted, result.ok, probe);
      counted = next;
      yield verdict;
      await pause(clock, (probe.periodSeconds ?? 10) * 1000, signal);
    }
  }

  /** Ends the process; the restart policy decides what follows, as after any other end. */
  async #restart(run: Run, message: string): Promise<void> {
    const { clock, record } = this.#context;
    record(this.#pod(), "Normal", "Killing", message);
    const killAt = clock.now() + (this.#pod().spec.terminationGracePeriodSeconds ?? 30) * 1000;
    this.#scheduleKill(run, killAt);
    await this.#stop(run, killAt, true);
  }

  async #runHook(run: Run, hook: LifecycleHandler, kind: string, timeoutMs: number): Promise<void> {
    const { clock, record } = this.#context;
    if (hook.sleep) return pause(clock, Math.min(hook.sleep.seconds * 1000, timeoutMs), run.over.signal);
    const result = await tryAction(hook, timeoutMs, this.#probeTarget(run));
    if (!result.ok) record(this.#pod(), "Warning", `Failed${kind}Hook`, `${kind}Hook failed: ${result.message}`);
  }

  #probeTarget(run: Run): ProbeTarget {
    return {
      podIp: this.#podIp,
      container: this.#container,
      execute: (command, timeoutMs) => this.#execute(run, command, timeoutMs),
    };
  }

  async #execute(run: Run, command: readonly string[], timeoutMs: number): Promise<number | null> {
    const { clock, spawn, guard, random } = this.#context;
    const token = randomUuid(random);
    const { directory, env } = run.launch;
    const child = spawn({ command, directory, env: { ...env, [TOKEN_VARIABLE]: token }, onOutput() {} });
    if (child.pid !== null) guard.add(child.pid, token);
    let timedOut = false;
    const cancel = clock.schedule(timeoutMs, () => {
      timedOut = true;
      child.signal("SIGKILL");
    });
    const { exitCode } = await child.ended;
    cancel();
    if (child.pid !== null) guard.remove(child.pid);
    return timedOut ? null : exitCode;
  }

  #change(facts: Partial<ContainerFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#onChange();
  }
}

/** Like `sleep`, but an abort just ends it: the caller looks at the signal. */
async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(clock, delayMs, signal).catch(() => {});
}
