import type { KubeObject } from "../api/meta.ts";
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
}

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

  /** Host port by server port, open ones only. */
  openGateways(): Readonly<Record<string, number>> {
    const open: Record<string, number> = {};
    for (const [port, { listener }] of this.#gateways) if (listener !== null) open[port] = listener.address.port;
    return open;
  }

  /** Resolves when every wanted listener is open or has failed to open. */
  async keep(pods: readonly KubeObject[], gatewayPorts: readonly number[]): Promise<void> {
    await Promise.all([...this.#keepPods(pods), ...this.#keepGateways(gatewayPorts)]);
  }

  /** Stops accepting; requests under way get their drain time (MESH-250). */
  async close(): Promise<void> {
    const slots = [...this.#pods.values(), ...this.#gateways.values()];
    this.#pods.clear();
    this.#gateways.clear();
    await Promise.all(slots.map((slot) => this.#closeSlot(slot)));
  }

  #keepPods(pods: readonly KubeObject[]): readonly Promise<void>[] {
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
    const opening: Promise<void>[] = [];
    for (const [address, pod] of wanted) {
      const slot = this.#pods.get(address);
      if (slot === undefined) opening.push(this.#openPod(address, pod));
      else updateSource(slot, sourceOfPod(pod));
    }
    return opening;
  }

  #openPod(address: string, pod: KubeObject): Promise<void> {
    const slot: Slot = { owner: ownerOf(pod), source: sourceOfPod(pod), listener: null, isUnwanted: false };
    this.#pods.set(address, slot);
    return this.#open(slot, {
      slots: this.#pods,
      key: address,
      address,
      port: this.#options.proxyPort,
      serverPort: null,
    });
  }

  #keepGateways(ports: readonly number[]): readonly Promise<void>[] {
    const wanted = new Set(ports.map(String));
    for (const [port, slot] of this.#gateways) {
      if (wanted.has(port)) continue;
      this.#gateways.delete(port);
      void this.#closeSlot(slot);
    }
    const { gateway, gatewayAddress, hostPort } = this.#options;
    return ports
      .filter((port) => !this.#gateways.has(String(port)))
      .map((serverPort) => {
        const slot: Slot = { owner: String(serverPort), source: gateway, listener: null, isUnwanted: false };
        this.#gateways.set(slot.owner, slot);
        const place = { slots: this.#gateways, key: slot.owner, address: gatewayAddress, port: hostPort(serverPort) };
        return this.#open(slot, { ...place, serverPort });
      });
  }

  async #open(
    slot: Slot,
    place: {
      readonly slots: Map<string, Slot>;
      readonly key: string;
      readonly address: string;
      readonly port: number;
      readonly serverPort: number | null;
    },
  ): Promise<void> {
    const { plane, onChange } = this.#options;
    const { slots, key, address, port, serverPort } = place;
    try {
      const listener = await Listener.open({ plane, source: slot.source, address, port, serverPort });
      slot.listener = listener;
      listener.source = slot.source;
      if (slot.isUnwanted) await listener.close();
      else onChange();
    } catch (error) {
      // Forgotten, so that the next change of the configuration tries again.
      if (slots.get(key) === slot) slots.delete(key);
      plane.logger.error({ error: String(error), address, port, for: slot.owner }, "a mesh listener cannot be opened");
    }
  }

  async #closeSlot(slot: Slot): Promise<void> {
    slot.isUnwanted = true;
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
