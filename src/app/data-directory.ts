import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

/**
 * One cluster is one directory:
 *
 *   kubeconfig       0600; the client's way in
 *   instance.json    who runs on it now, and where; absent when nothing does
 *   pki/             the cluster's own CA, server certificate and admin token
 *   store/           the revision log (not with --memory)
 *   pods/            files of pod processes: logs, pids
 *   kubectl-cache/   what kubectl remembers of this cluster's kinds; emptied at each start
 *   fairway.log      the cluster's own log when it runs detached; mesh.log: the data plane's
 */
export interface DataDirectory {
  readonly root: string;
  readonly kubeconfig: string;
  readonly instanceFile: string;
  readonly pki: string;
  readonly store: string;
  readonly pods: string;
  readonly kubectlCache: string;
  readonly logFile: string;
  readonly meshLogFile: string;
}

/** What `fairway env`, `down`, `explain` and the demo need to find a running cluster. */
export interface Instance {
  readonly pid: number;
  readonly apiServer: string;
  readonly gateway: string;
  readonly metrics: string;
  readonly meshAdmin: string;
  /** The embedded Prometheus; null without the argo pack. */
  readonly prometheus: string | null;
  /** Metrics and health of Argo's controllers, at `/metrics` and `/healthz`; null without the argo pack. */
  readonly controllers: string | null;
  readonly kubeconfig: string;
  readonly startedAt: string;
  readonly packs: readonly string[];
  /** Packs of an earlier start on this directory that were not asked for now. */
  readonly idlePacks: readonly string[];
  readonly memory: boolean;
}

/** `$XDG_STATE_HOME/fairway`, by default `~/.local/state/fairway` (XDG Base Directory Specification). */
export function defaultDataDirectory(env: NodeJS.ProcessEnv): string {
  const state = env["XDG_STATE_HOME"] || path.join(env["HOME"] || homedir(), ".local", "state");
  return path.join(state, "fairway");
}

export function dataDirectory(root: string): DataDirectory {
  const absolute = path.resolve(root);
  return {
    root: absolute,
    kubeconfig: path.join(absolute, "kubeconfig"),
    instanceFile: path.join(absolute, "instance.json"),
    pki: path.join(absolute, "pki"),
    store: path.join(absolute, "store"),
    pods: path.join(absolute, "pods"),
    kubectlCache: path.join(absolute, "kubectl-cache"),
    logFile: path.join(absolute, "fairway.log"),
    meshLogFile: path.join(absolute, "mesh.log"),
  };
}

/** A refusal that the user can act on: printed as one line, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Makes the directory, only for its owner: it holds keys. */
export function prepareDataDirectory(directory: DataDirectory): void {
  try {
    makeDirectories(directory.root);
    const probe = path.join(directory.root, `.write-test-${process.pid}`);
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const why = code === "EEXIST" || code === "ENOTDIR" ? "it is not a directory" : `it cannot be written (${code})`;
    throw new StartError(`cannot use data directory ${directory.root}: ${why}; choose another with --data DIR`, {
      cause,
    });
  }
}

/** `mkdirSync` with `recursive` never returns where the kernel refuses new entries (seen with a path below /proc). */
function makeDirectories(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectories(path.dirname(directory));
  mkdirSync(directory, { mode: 0o700 });
}

export function writeInstance(directory: DataDirectory, instance: Instance): void {
  const temporary = `${directory.instanceFile}.new`;
  writeFileSync(temporary, `${JSON.stringify(instance, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, directory.instanceFile);
}

export function removeInstance(directory: DataDirectory, pid: number): void {
  if (readInstance(directory)?.pid === pid) rmSync(directory.instanceFile, { force: true });
}

/** What is written there, whether it still runs or not; null when there is nothing or it cannot be read. */
function readInstance(directory: DataDirectory): Instance | null {
  if (!existsSync(directory.instanceFile)) return null;
  try {
    return JSON.parse(readFileSync(directory.instanceFile, "utf8")) as Instance;
  } catch {
    return null;
  }
}

/** The instance that runs on the directory now; a file left by a killed process does not count. */
export function runningInstance(directory: DataDirectory): Instance | null {
  const instance = readInstance(directory);
  return instance && isAlive(instance.pid) ? instance : null;
}

export function alreadyRunning(directory: DataDirectory, { pid }: Instance): string {
  return `a cluster already runs on data directory ${directory.root} (process ${pid}); stop it with "fairway down", or choose another directory with --data DIR`;
}

/** A process that has ended but whose parent has not asked for it yet (a zombie) does not count. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isZombie(pid: number): boolean {
  try {
    // The state is the first letter behind the command's name, which stands in parentheses (proc(5)).
    return /\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
