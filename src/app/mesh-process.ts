import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Acknowledgement } from "../mesh/acknowledge.ts";
import type { Tracing } from "../mesh/trace-context.ts";
import { StartError } from "./data-directory.ts";

/** How the child is told what to do: one JSON argument. Secrets stay in the kubeconfig file. */
export interface MeshSettings {
  readonly kubeconfig: string;
  readonly adminPort: number;
  readonly proxyPort: number;
  readonly gatewayPorts: Readonly<Record<number, number>>;
  readonly tracing: Tracing | null;
  readonly logLevel: string;
}

/** What the child tells over the process channel. */
export type MeshMessage = { readonly ready: { adminPort: number } } | { readonly acknowledgement: Acknowledgement };

export interface MeshProcess {
  /** The newest acknowledgement; null while no mesh runs. */
  acknowledged(): Acknowledgement | null;
  onAcknowledgement(listener: () => void): () => void;
  stop(): Promise<void>;
}

/** A crashed mesh is started again after this time, doubling while it keeps crashing. */
const RESTART_FIRST_MS = 100;
const RESTART_MAX_MS = 5_000;
/** A mesh that lived this long was healthy: its next restart is quick again. */
const HEALTHY_MS = 10_000;
const STOP_MS_MAX = 6_000;
const ENTRY = path.join(path.dirname(fileURLToPath(import.meta.url)), "mesh.ts");

/** Starts the data plane as a child and keeps it running. Resolves when the first one is ready. */
export async function startMeshProcess(
  settings: MeshSettings,
  options: { readonly clock: Clock; readonly logger: Logger; readonly logFile: string },
): Promise<MeshProcess> {
  const { clock, logger } = options;
  const log = openSync(options.logFile, "a", 0o600);
  const listeners = new Set<() => void>();
  let acknowledgement: Acknowledgement | null = null;
  let child: ChildProcess | null = null;
  let isStopping = false;
  let restartMs = RESTART_FIRST_MS;

  /** `onDeath` is told when the process ends before it was ever ready; later ends are mended here. */
  function start(onReady: () => void, onDeath: ((code: number | null) => void) | null): void {
    const startedAt = clock.now();
    const started = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", ENTRY, JSON.stringify(settings)],
      {
        stdio: ["ignore", log, log, "ipc"],
      },
    );
    child = started;
    let wasReady = false;
    started.on("message", (message: MeshMessage) => {
      if ("ready" in message) {
        wasReady = true;
        return onReady();
      }
      acknowledgement = message.acknowledgement;
      for (const listener of [...listeners]) listener();
    });
    started.once("exit", (code, signal) => {
      acknowledgement = null;
      child = null;
      for (const listener of [...listeners]) listener();
      if (!wasReady && onDeath) return onDeath(code);
      if (isStopping) return;
      if (clock.now() - startedAt > HEALTHY_MS) restartMs = RESTART_FIRST_MS;
      logger.error({ code, signal, restartMs }, "the mesh process ended; it is started again");
      clock.schedule(restartMs, () => {
        if (!isStopping)
          start(
            () => logger.info({}, "the mesh runs again"),
            () => {},
          );
      });
      restartMs = Math.min(restartMs * 2, RESTART_MAX_MS);
    });
  }

  await new Promise<void>((resolve, reject) => {
    start(resolve, (code) =>
      reject(new StartError(`the mesh process ended at its start with exit code ${code}; its log: ${options.logFile}`)),
    );
  });

  return {
    acknowledged: () => acknowledgement,
    onAcknowledgement(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop() {
      isStopping = true;
      const running = child;
      if (!running) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = clock.schedule(STOP_MS_MAX, () => running.kill("SIGKILL"));
        running.once("exit", () => {
          cancel();
          resolve();
        });
        running.kill("SIGTERM");
      });
    },
  };
}
