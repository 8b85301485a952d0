import type { Revisions } from "./config.ts";

/** What the mesh says about itself (design 2.3): which configuration every new request obeys from now on. */
export interface Acknowledgement {
  /** By `plural.group`: every write of that kind up to this store revision is in force. */
  readonly kinds: Readonly<Record<string, string>>;
  /** Every write of any watched kind up to this revision is in force: the least of `kinds`. */
  readonly revision: number;
  /** Pods whose outbound listener is open, as `namespace/name`, by pod address. */
  readonly pods: Readonly<Record<string, string>>;
  /** Host port by gateway server port. */
  readonly gateways: Readonly<Record<string, number>>;
}

export type AcknowledgementListener = (acknowledgement: Acknowledgement) => void;

/** Holds the newest acknowledgement and tells it to those who wait for it. Says nothing twice. */
export class Acknowledger {
  readonly #listeners = new Set<AcknowledgementListener>();
  #kinds: Acknowledgement["kinds"] = {};
  #revision = 0;
  #pods: Acknowledgement["pods"] = {};
  #gateways: Acknowledgement["gateways"] = {};

  get current(): Acknowledgement {
    return { kinds: this.#kinds, revision: this.#revision, pods: this.#pods, gateways: this.#gateways };
  }

  onChange(listener: AcknowledgementListener): void {
    this.#listeners.add(listener);
  }

  /** The table compiled from these revisions decides from now on. */
  runs(revisions: Revisions): void {
    const entries = Object.entries(revisions);
    if (entries.every(([kind, revision]) => this.#kinds[kind] === String(revision))) return;
    this.#kinds = Object.fromEntries(entries.map(([kind, revision]) => [kind, String(revision)]));
    // A kind that is not served has revision 0 and no objects: it holds nothing back.
    const served = entries.map(([, revision]) => revision).filter((revision) => revision > 0);
    this.#revision = served.length === 0 ? 0 : Math.min(...served);
    this.#tell();
  }

  listensFor(pods: Acknowledgement["pods"], gateways: Acknowledgement["gateways"]): void {
    this.#pods = pods;
    this.#gateways = gateways;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.current);
  }
}
