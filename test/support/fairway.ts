import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Instance } from "../../src/app/data-directory.ts";

/** Real processes for end-to-end tests: `fairway up --detach` on a directory of its own, real kubectl, real HTTP. */

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
export const bin = path.join(root, "bin");
export const examples = path.join(root, "examples", "lanes");
/** The users' manifests, where a checkout has them beside it; tests that need them skip cleanly where it has not. */
export const seedManifests = path.join(root, "..", "shared", "seeds", "manifests");
export const hasSeedManifests = existsSync(seedManifests);

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: options.env ?? process.env,
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 120_000,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      stdout += part;
    });
    child.stderr.setEncoding("utf8").on("data", (part: string) => {
      stderr += part;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ stdout, stderr, exitCode: code ?? -1 }));
    // A program that ends without reading its input is no failure of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

export function fairway(...args: string[]): Promise<Result> {
  return run(path.join(bin, "fairway"), args);
}

export interface RunningFairway {
  readonly directory: string;
  readonly instance: Instance;
  kubectl(...args: string[]): Promise<Result>;
  /** Runs kubectl and fails the test when kubectl fails. */
  kubectlOk(...args: string[]): Promise<string>;
  kubectlInput(input: string, ...args: string[]): Promise<Result>;
  /** Starts the cluster again on the same directory, after it was stopped or killed. */
  start(): Promise<void>;
  down(): Promise<Result>;
  /** Stops what runs and removes the directory. */
  remove(): Promise<void>;
}

export async function startFairway(...extra: string[]): Promise<RunningFairway> {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-test-"));
  let instance = await up(directory, extra);
  const env = () => ({
    ...process.env,
    KUBECONFIG: instance.kubeconfig,
    PATH: `${bin}:${process.env["PATH"]}`,
    HOME: directory,
  });
  const kubectl = (...args: string[]) => run("kubectl", args, { env: env() });
  return {
    directory,
    get instance() {
      return instance;
    },
    kubectl,
    async kubectlOk(...args) {
      const { stdout, stderr, exitCode } = await kubectl(...args);
      if (exitCode !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${exitCode}: ${stderr}${stdout}`);
      return stdout;
    },
    kubectlInput: (input, ...args) => run("kubectl", args, { env: env(), input }),
    async start() {
      instance = await up(directory, extra);
    },
    down: () => fairway("down", "--data", directory),
    async remove() {
      await fairway("down", "--data", directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function up(directory: string, extra: readonly string[]): Promise<Instance> {
  const names = ["--api-port", "--gateway-port", "--metrics-port", "--prometheus-port", "--controller-port"];
  const ports = names.flatMap((name) => [name, "0"]);
  const result = await fairway("up", "--detach", "--json", "--data", directory, ...ports, ...extra);
  if (result.exitCode !== 0) throw new Error(`fairway up failed: ${result.stderr}${result.stdout}`);
  return JSON.parse(result.stdout) as Instance;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, agent: false, timeout: 20_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        body += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer within 20 s")));
    sent.on("error", reject);
    sent.end();
  });
}

/** Asks again until `accept` says yes: for effects that only the outside shows, such as a served request. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  accept: (value: T) => boolean,
  secondsMax = 30,
): Promise<T> {
  const deadline = Date.now() + secondsMax * 1000;
  for (;;) {
    const value = await ask().catch((error: unknown) => error as T);
    if (!(value instanceof Error) && accept(value)) return value;
    if (Date.now() > deadline) {
      const found = value instanceof Error ? value.message : JSON.stringify(value);
      throw new Error(`${what}: not within ${secondsMax} s; last: ${found}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Processes whose command line or environment holds the text: what a cluster on that directory has left behind. */
export function processesOf(text: string): { pid: number; command: string }[] {
  return processes().filter(({ command, environment }) => command.includes(text) || environment.includes(text));
}

/** Processes of pods: their environment holds the pod's own address, whatever program they run. */
export function podProcesses(addresses: readonly string[]): { pid: number; command: string }[] {
  return processes().filter(({ environment }) =>
    addresses.some((address) => ` ${environment}`.includes(` POD_IP=${address} `)),
  );
}

function processes(): { pid: number; command: string; environment: string }[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map((entry) => ({
      pid: Number(entry),
      command: readProc(entry, "cmdline"),
      environment: readProc(entry, "environ"),
    }));
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
