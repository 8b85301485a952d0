import { spawn } from "node:child_process";
import { get } from "node:http";
import type { KubeObject } from "../../api/meta.ts";
import type { Instance } from "../../app/data-directory.ts";
import { sleep, systemClock } from "../../base/clock.ts";
import { revisionOf } from "../../kube/cache.ts";
import { qualifiedPlural, type ResourceType, resources } from "../../kube/resource.ts";
import { parseChain, shortChain } from "./chain.ts";
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
  async kubectl(...args: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await run("kubectl", args, this.#env);
    const output = stdout + stderr;
    const command = `kubectl ${args.map(shellWord).join(" ")}`;
    this.#commands.push({ command, output, exitCode });
    this.#reporter.command(command, output);
    if (exitCode !== 0) throw new StepFailed(`${command} ended with exit code ${exitCode}`);
    return output;
  }

  check(check: string, passed: boolean, found: string): void {
    this.#checks.push({ check, passed, found });
    this.#reporter.check(check, passed, found);
  }

  /** Waits until `condition` holds and ticks it. `describe` tells what is there instead when it does not come. */
  async expectState(what: string, condition: () => boolean, describe: () => string): Promise<void> {
    try {
      await this.#observer.until(condition, WAIT_SECONDS_MAX, (seconds) => this.#reporter.waiting(what, seconds));
      this.check(what, true, "");
    } catch (error) {
      this.check(what, false, `${(error as Error).message}; there is: ${describe()}`);
      throw new StepFailed(`${what}: ${(error as Error).message}`);
    }
  }

  /** The Kruise table row of a Rollout (KRUISE-003): phase, step state and message. */
  async expectRollout(name: string, want: { phase: string; state: string; message: string }): Promise<void> {
    const row = () => {
      const rollout = this.cache.get(resources.kruiseRollouts, { namespace: "default", name });
      const status = (rollout?.["status"] ?? {}) as Record<string, unknown>;
      return { phase: status["phase"], state: status["currentStepState"], message: status["message"] };
    };
    const isWanted = () => {
      const { phase, state, message } = row();
      return phase === want.phase && state === want.state && message === want.message;
    };
    const what = `${name} is ${want.phase}, ${want.state}: ${want.message}`;
    await this.expectState(what, isWanted, () => JSON.stringify(row()));
  }

  /** The subset names of each service's DestinationRule, in order, e.g. `{mocka: "base,canary"}`. */
  async expectSubsets(want: Readonly<Record<string, string>>): Promise<void> {
    const found = () =>
      Object.fromEntries(
        Object.keys(want).map((service) => {
          const name = `trafficlabel-dr-rollout-default-${service}`;
          const rule = this.cache.get(resources.destinationRules, { namespace: "istio-system", name });
          return [service, rule ? subsetNames(rule).join(",") : "(no DestinationRule)"];
        }),
      );
    const what = `subsets: ${Object.entries(want)
      .map(([service, names]) => `${service} ${names}`)
      .join("; ")}`;
    const isWanted = () => Object.entries(found()).every(([service, names]) => names === want[service]);
    await this.expectState(what, isWanted, () => JSON.stringify(found()));
  }

  /**
   * Waits until the mesh runs with every route, subset and endpoint written so far (design decision 3: written is not
   * live): what a Rollout's status promises is then also what a request meets.
   */
  async expectLive(): Promise<void> {
    const kinds = [resources.virtualServices, resources.destinationRules, resources.endpointSlices];
    const deadline = systemClock.now() + WAIT_SECONDS_MAX * 1000;
    while (systemClock.now() < deadline) {
      const { body } = await request(`${this.#meshAdmin}/revision`, {});
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

  /** Sends the document's request and checks the chain of the answer. A tag of null sends no lane header. */
  async expectChain(tag: string, id: string, want: string): Promise<void> {
    await this.expectLive();
    const command = `curl $GATEWAY/mock -H 'x-asm-prefer-tag: ${tag}' -H 'my-request-id: ${id}'`;
    const answer = await request(`${this.#gateway}/mock`, { "x-asm-prefer-tag": tag, "my-request-id": id });
    this.#commands.push({ command, output: answer.body, exitCode: 0 });
    this.#reporter.command(command, answer.body);
    const found = shortChain(parseChain(answer.body));
    this.check(`lane ${tag} answers ${want}`, answer.status === 200 && found === want, found || answer.body);
  }

  async expectNotFound(): Promise<void> {
    const answer = await request(`${this.#gateway}/mock`, {});
    const command = "curl -o /dev/null -w '%{http_code}' $GATEWAY/mock";
    this.#commands.push({ command, output: String(answer.status), exitCode: 0 });
    this.#reporter.command(command, String(answer.status));
    this.check("an untagged request gets 404: no lane rule matches it", answer.status === 404, String(answer.status));
  }

  /** Waits until the gateway answers a base-tagged request with 200: the data plane runs what was applied. */
  async expectReachable(): Promise<void> {
    const deadline = systemClock.now() + WAIT_SECONDS_MAX * 1000;
    const send = () => request(`${this.#gateway}/mock`, { "x-asm-prefer-tag": "base", "my-request-id": "probe" });
    let last = "nothing";
    await this.#observer.until(
      () => true,
      WAIT_SECONDS_MAX,
      () => {},
    );
    while (systemClock.now() < deadline) {
      const answer = await send().catch((error: Error) => ({ status: 0, body: error.message }));
      if (answer.status === 200) return;
      last = `${answer.status} ${answer.body}`;
      await sleep(systemClock, 50);
    }
    throw new StepFailed(`the gateway does not serve the base lane: last answer ${last}`);
  }
}

export function subsetNames(rule: KubeObject): string[] {
  const spec = (rule["spec"] ?? {}) as { subsets?: { name: string }[] };
  return (spec.subsets ?? []).map(({ name }) => name);
}

/** A word as one would type it in a shell: quoted only where it must be. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
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
  });
}

function request(url: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = get(url, { headers, agent: false, timeout: 10_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        body += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer within 10 s")));
    sent.on("error", reject);
  });
}
