import { spawn } from "node:child_process";
import type { Instance } from "../../app/data-directory.ts";
import { sleep, systemClock } from "../../base/clock.ts";
import { revisionOf } from "../../kube/cache.ts";
import { qualifiedPlural, type ResourceType, resources } from "../../kube/resource.ts";
import { type HttpAnswer, sendRequest } from "../http.ts";
import type { Observer } from "./observe.ts";
import type { Reporter, StepReport } from "./reporter.ts";

/** How long a state of the walk may take (SEED-030: lab ≤ 30 s). */
const WAIT_SECONDS_MAX = 30;

interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A step failed: the walk stops there, what it saw is in the report. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
}

/**
 * What the steps of a walk do: type commands, send requests, wait for states, and tick or cross what they see.
 * Everything goes through real kubectl and real HTTP.
 */
export class Stage {
  readonly #reporter: Reporter;
  readonly #observer: Observer;
  readonly #env: NodeJS.ProcessEnv;
  readonly #gateway: string;
  readonly #meshAdmin: string;
  #commands: { command: string; output: string; exitCode: number }[] = [];
  #checks: { check: string; passed: boolean; found: string }[] = [];

  constructor(options: { reporter: Reporter; observer: Observer; env: NodeJS.ProcessEnv; instance: Instance }) {
    this.#reporter = options.reporter;
    this.#observer = options.observer;
    this.#env = options.env;
    this.#gateway = options.instance.gateway;
    this.#meshAdmin = options.instance.meshAdmin;
  }

  get cache(): Observer["cache"] {
    return this.#observer.cache;
  }

  async step(id: string, title: string, act: () => Promise<void>): Promise<StepReport> {
    const startedAt = systemClock.now();
    this.#commands = [];
    this.#checks = [];
    this.#reporter.stepStarted(id, title);
    let error: string | null = null;
    try {
      await act();
    } catch (caught) {
      if (!(caught instanceof StepFailed)) throw caught;
      error = caught.message;
    }
    const report: StepReport = {
      step: id,
      title,
      passed: error === null && this.#checks.every(({ passed }) => passed),
      seconds: (systemClock.now() - startedAt) / 1000,
      commands: this.#commands,
      checks: this.#checks,
      ...(error === null ? {} : { error }),
    };
    this.#reporter.stepEnded(report);
    return report;
  }

  note(text: string): void {
    this.#reporter.note(text);
  }

  /** Runs kubectl with these arguments; a failure fails the step. */
  kubectl(...args: string[]): Promise<string> {
    return this.#kubectl(args, "");
  }

  /** Applies `manifest`, which is what `file` holds but for what the walk has changed in it. */
  kubectlApply(file: string, manifest: string): Promise<string> {
    return this.#kubectl(["apply", "-f", "-"], manifest, ["apply", "-f", file]);
  }

  async #kubectl(args: readonly string[], input: string, shown = args): Promise<string> {
    const { stdout, stderr, exitCode } = await run("kubectl", args, this.#env, input);
    const output = stdout + stderr;
    const command = `kubectl ${shown.map(shellWord).join(" ")}`;
    this.#show(command, output, exitCode);
    if (exitCode !== 0) throw new StepFailed(`${command} ended with exit code ${exitCode}`);
    return output;
  }

  check(check: string, passed: boolean, found: string): void {
    this.#checks.push({ check, passed, found });
    this.#reporter.check(check, passed, found);
  }

  /** Waits until `condition` holds and ticks it. `describe` tells what is there instead when it does not come. */
  async expectState(
    what: string,
    condition: () => boolean,
    describe: () => string,
    secondsMax = WAIT_SECONDS_MAX,
  ): Promise<void> {
    try {
      await this.#observer.until(condition, secondsMax, (seconds) => this.#reporter.waiting(what, seconds));
      this.check(what, true, "");
    } catch (error) {
      this.check(what, false, `${(error as Error).message}; there is: ${describe()}`);
      throw new StepFailed(`${what}: ${(error as Error).message}`);
    }
  }

  /**
   * Waits until the mesh runs with every route, subset and endpoint written so far (design decision 3: written is not
   * live): what a Rollout's status promises is then also what a request meets.
   */
  async expectLive(): Promise<void> {
    const kinds = [resources.virtualServices, resources.destinationRules, resources.endpointSlices];
    const deadline = systemClock.now() + WAIT_SECONDS_MAX * 1000;
    while (systemClock.now() < deadline) {
      const { body } = await sendRequest(`${this.#meshAdmin}/revision`);
      const running = (JSON.parse(body) as { kinds: Record<string, string> }).kinds;
      const isLive = kinds.every((kind) => Number(running[qualifiedPlural(kind)] ?? 0) >= this.#newest(kind));
      if (isLive) return;
      await sleep(systemClock, 10);
    }
    throw new StepFailed(`the mesh does not run what was written: see ${this.#meshAdmin}/revision`);
  }

  #newest(kind: ResourceType): number {
    return Math.max(0, ...this.cache.list(kind).map(revisionOf));
  }

  /** Sends one request through the gateway and shows it as the curl command that sends the same. */
  async curl(path: string, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    const options = Object.entries(headers).map(([name, value]) => ` -H ${shellWord(`${name}: ${value}`)}`);
    const answer = await sendRequest(`${this.#gateway}${path}`, { headers });
    this.#show(`curl $GATEWAY${path}${options.join("")}`, answer.body, 0);
    return answer;
  }

  /** As `curl`, where only the status matters. */
  async curlStatus(path: string): Promise<number> {
    const { status } = await sendRequest(`${this.#gateway}${path}`);
    this.#show(`curl -o /dev/null -w '%{http_code}' $GATEWAY${path}`, String(status), 0);
    return status;
  }

  /** Waits until the gateway answers 200: the data plane runs what was applied. */
  async expectServed(path: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const deadline = systemClock.now() + WAIT_SECONDS_MAX * 1000;
    let last = "nothing";
    while (systemClock.now() < deadline) {
      const answer = await sendRequest(`${this.#gateway}${path}`, { headers }).catch((error: Error) => ({
        status: 0,
        body: error.message,
      }));
      if (answer.status === 200) return;
      last = `${answer.status} ${answer.body}`;
      await sleep(systemClock, 50);
    }
    throw new StepFailed(`the gateway does not serve ${path}: last answer ${last}`);
  }

  #show(command: string, output: string, exitCode: number): void {
    this.#commands.push({ command, output, exitCode });
    this.#reporter.command(command, output);
  }
}

/** A word as one would type it in a shell: quoted only where it must be. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input: string): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      stdout += part;
    });
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      stderr += part;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ stdout, stderr, exitCode: code ?? 1 }));
    // A program that ends without having read its input is no failure of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
