import type { Clock } from "../../base/clock.ts";
import { deepEqual } from "../../base/json.ts";
import type { Logger } from "../../base/log.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import { formatKey, keyOf, resources } from "../../kube/resource.ts";
import type { Pod, PodStatus } from "./pod.ts";

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 5_000;

/**
 * Writes the status of one pod: one request at a time, always the newest status, again until it succeeded. States that
 * were overtaken while a request was under way are never sent.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #pod: Pod;
  #wanted: PodStatus | null = null;
  #written: PodStatus | null = null;
  #writing: Promise<void> | null = null;
  #isStopped = false;
  #wakeRetry = () => {};

  constructor(options: StatusWriterOptions, pod: Pod) {
    this.#options = options;
    this.#pod = pod;
  }

  write(status: PodStatus): void {
    this.#wanted = status;
    this.#writing ??= this.#run().finally(() => {
      this.#writing = null;
    });
  }

  /** Resolves when the newest status is stored, or never will be (the pod is gone, the node stops). */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wakeRetry();
  }

  async #run(): Promise<void> {
    let delayMs = RETRY_FIRST_MS;
    while (!this.#isStopped && !deepEqual(this.#wanted, this.#written)) {
      const status = this.#wanted!;
      try {
        await this.#patch(status);
        this.#written = status;
        delayMs = RETRY_FIRST_MS;
      } catch (error) {
        if (this.#isStopped) return;
        // Gone, or another pod of the same name (the uid in the patch differs): there is nothing to report to.
        if (isNotFound(error) || (isConflict(error) && /uid/i.test(String(error)))) return;
        const { logger } = this.#options;
        logger.warn({ pod: formatKey(keyOf(this.#pod)), error: String(error) }, "writing the pod status failed");
        await this.#retryDelay(delayMs);
        delayMs = Math.min(delayMs * 2, RETRY_MAX_MS);
      }
    }
  }

  /** Strategic: conditions are merged by type, so that those of other writers (readiness gates) stay. */
  async #patch(status: PodStatus): Promise<void> {
    const { reason = null, message = null, ...rest } = status;
    const body = { metadata: { uid: this.#pod.metadata.uid }, status: { ...rest, reason, message } };
    const options = { subresource: "status", fieldManager: "kubelet" } as const;
    await this.#options.client.patch(resources.pods, keyOf(this.#pod), { kind: "strategic", body }, options);
  }

  #retryDelay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(delayMs, resolve);
      this.#wakeRetry = () => {
        cancel();
        resolve();
      };
    });
  }
}
