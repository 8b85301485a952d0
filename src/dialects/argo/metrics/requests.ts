import { CounterVector, type Rendered } from "../../../base/metrics.ts";
import type { CountedRequest } from "../../../kube/counting-client.ts";
import { GROUP } from "../keys.ts";

/** Kinds whose names come and go too fast to be labels; the original leaves them out as well. */
const NAMELESS_KINDS: ReadonlySet<string> = new Set(["events", "replicasets"]);

/** Names that others choose are bounded; beyond this they are counted together. */
const SERIES_MAX = 20_000;

/** Requests that Argo's controllers sent to the API server (ARC-801). */
export class RequestMetrics implements Rendered {
  readonly #writers: ReadonlySet<string>;
  readonly #requests = new CounterVector({
    name: "controller_clientset_k8s_request_total",
    help: "Number of kubernetes requests executed during application reconciliation.",
    labels: ["kind", "namespace", "name", "verb", "status_code"],
  });

  /** `writers`: the field managers of Argo's controllers. Others may share the client; their requests do not count. */
  constructor(writers: readonly string[]) {
    this.#writers = new Set(writers);
  }

  count({ verb, type, namespace, name, code, fieldManager }: CountedRequest): void {
    if (type.group !== GROUP && !this.#writers.has(fieldManager)) return;
    const isNameless = name === "" || NAMELESS_KINDS.has(type.plural) || this.#requests.size >= SERIES_MAX;
    const shown = isNameless ? "N/A" : name;
    this.#requests.add([type.plural, namespace, shown, verb, String(code)]);
  }

  forget(kind: string, namespace: string, name: string): void {
    this.#requests.forget({ kind, namespace, name });
  }

  render(lines: string[]): void {
    this.#requests.render(lines);
  }
}
