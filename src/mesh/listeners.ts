import type { KubeObject } from "../api/meta.ts";
import type { Cancel } from "../base/clock.ts";
import { deepEqual } from "../base/json.ts";
import { sourceOfPod } from "../routing/source.ts";
import type { Source } from "../routing/types.ts";
import { addressOfLivePod } from "./config.ts";
import type { DataPlane } from "./data-plane.ts";
import { Listener } from "./listener.ts";

/**
 * Keeps the set of open listeners equal to what there should be: one for each live pod (MESH-006) and one for each server
 * port of the gateway (MESH-031). Opening is asynchronous, so each wanted listener is either open or on its way.
 */
export interface ListenerSetOptions {
  readonly plane: DataPlane;
  readonly gateway: Source;
  readonly gatewayAddress: string;
  /** Host port for a gateway server port; 0: any free one. */
  readonly hostPort: (serverPort: number) => number;
  readonly proxyPort: number;
  /** A listener opened or closed. */
  readonly onChange: () => void;
}

interface Slot {
  /** What the listener is for: a pod's `namespace/name`, or the gateway's server port. */
  readonly owner: string;
  source: Source;
  listener: Listener | null;
  isUnwanted: boolean;
  /** Settled once the first try to open it is over. */
  opening: Promise<void>;
  cancelRetry: Cancel | null;
}

interface Place {
  readonly address: string;
  readonly port: number;
  readonly serverPort: number | null;
}

/** How long an address that could not be had is left alone: whoever holds it may be about to end. */
const RETRY_MS = 1_000;

export class ListenerSet {
  readonly #options: ListenerSetOptions;
  /** By pod address. */
  readonly #pods = new Map<string, Slot>();
  /** By server port. */
  readonly #gateways = new Map<string, Slot>();

  constructor(options: ListenerSetOptions) {
    this.#options = options;
  }

  /** Pod `namespace/name` by address, open ones only. */
  openPods(): Readonly<Record<string, string>> {
    const open: Record<string, string> = {};
    for (const [address, { owner, listener }] of this.#pods) if (listener !== null) open[address] = owner;
    return open;
  }

  /** Addresses of pods whose listener could not be opened so far. */
  refusedPods(): ReadonlySet<string> {
    return new Set([...this.#pods].flatMap(([address, { cancelRetry }]) => (cancelRetry === null ? [] : [address])));
  }

  /** Host port by server port, open ones only. */
  openGateways(): Readonly<Record<string, number>> {
    const open: Record<string, number> = {};
    for (const [port, { listener }] of this.#gateways) if (listener !== null) open[port] = listener.address.port;
    return open;
  }

  /** Stops accepting; requests under way get their drain time (MESH-250). */
  async close(): Promise<void> {
    const slots = [...this.#pods.values(), ...this.#gateways.values()];
    this.#pods.clear();
    this.#gateways.clear();
    await Promise.all(slots.map((slot) => this.#closeSlot(slot)));
  }

  /** Resolves when every live pod's listener is open, or could not be opened at once and is tried again. */
  async keepPods(pods: readonly KubeObject[]): Promise<void> {
    const wanted = new Map<string, KubeObject>();
    for (const pod of pods) {
      const address = addressOfLivePod(pod);
      // Only loopback addresses are this machine's; a pod of a fake node may have any other.
      if (address?.startsWith("127.") && !wanted.has(address)) wanted.set(address, pod);
    }
    for (const [address, slot] of this.#pods) {
      const pod = wanted.get(address);
      if (pod !== undefined && ownerOf(pod) === slot.owner) continue;
      this.#pods.delete(address);
      this.#options.plane.traces.forget(slot.source);
      void this.#closeSlot(slot);
    }
    for (const [address, pod] of wanted) {
      const slot = this.#pods.get(address);
      const place = { address, port: this.#options.proxyPort, serverPort: null };
      if (slot === undefined) this.#pods.set(address, this.#newSlot(ownerOf(pod), sourceOfPod(pod), place));
      else updateSource(slot, sourceOfPod(pod));
    }
    await Promise.all([...this.#pods.values()].map(({ opening }) => opening));
  }

  /** The same for the gateway's server ports. */
  async keepGateways(ports: readonly number[]): Promise<void> {
    const wanted = new Set(ports.map(String));
    for (const [port, slot] of this.#gateways) {
      if (wanted.has(port)) continue;
      this.#gateways.delete(port);
      void this.#closeSlot(slot);
    }
    const { gateway, gatewayAddress, hostPort } = this.#options;
    for (const serverPort of ports) {
      const owner = String(serverPort);
      if (this.#gateways.has(owner)) continue;
      const place = { address: gatewayAddress, port: hostPort(serverPort), serverPort };
      this.#gateways.set(owner, this.#newSlot(owner, gateway, place));
    }
    await Promise.all([...this.#gateways.values()].map(({ opening }) => opening));
  }

  #newSlot(owner: string, source: Source, place: Place): Slot {
    const opening = Promise.resolve();
    const slot: Slot = { owner, source, listener: null, isUnwanted: false, opening, cancelRetry: null };
    slot.opening = this.#open(slot, place);
    return slot;
  }

  async #open(slot: Slot, place: Place): Promise<void> {
    const { plane, onChange } = this.#options;
    const { address, port, serverPort } = place;
    try {
      const listener = await Listener.open({ plane, source: slot.source, address, port, serverPort });
      slot.listener = listener;
      slot.cancelRetry = null;
      listener.source = slot.source;
      if (slot.isUnwanted) await listener.close();
      else onChange();
    } catch (error) {
      if (slot.isUnwanted) return;
      slot.cancelRetry = plane.clock.schedule(RETRY_MS, () => void this.#open(slot, place));
      plane.logger.error({ error: String(error), address, port, for: slot.owner }, "a mesh listener cannot be opened");
    }
  }

  async #closeSlot(slot: Slot): Promise<void> {
    slot.isUnwanted = true;
    slot.cancelRetry?.();
    await slot.listener?.close();
    this.#options.onChange();
  }
}

/** The same labels keep the same Source, so that what is remembered per source stays useful. */
function updateSource(slot: Slot, source: Source): void {
  if (deepEqual(slot.source, source)) return;
  slot.source = source;
  if (slot.listener !== null) slot.listener.source = source;
}

function ownerOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
