import type { KubeObject } from "../../api/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { ImageTable } from "./images.ts";
import type { LogStore } from "./logs.ts";
import type { BackoffSettings } from "./next-action.ts";
import type { Pod } from "./pod.ts";
import type { ProcessGuard } from "./process-guard.ts";
import type { Spawn } from "./process-runtime.ts";

/** What every pod of a node shares. */
export interface NodeContext {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly hostIp: string;
  readonly images: ImageTable;
  readonly logs: LogStore;
  readonly guard: ProcessGuard;
  readonly spawn: Spawn;
  readonly backoff: BackoffSettings;
  readonly proxyPort: number | null;
  /** PATH, HOME and LANG for the pods. */
  readonly hostEnvironment: Readonly<Record<string, string>>;
  /** Working directories of containers that name none. */
  readonly workDirectory: string;
  services(): readonly KubeObject[];
  record(pod: Pod, type: "Normal" | "Warning", reason: string, message: string): void;
}
