import { assert } from "../../base/assert.ts";

/**
 * The addresses of a node's pods (K8S-277). Handed out in turn, so that an address that became free is used again as late
 * as possible: a client that still holds the old address must not meet another pod there.
 */
export class PodIpPool {
  readonly #first: number;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #next: number;

  /** `reserved` addresses at the start of the range are never given to pods: network, cluster, data plane. */
  constructor(range: string, reserved = 3) {
    const { address, bits } = parseRange(range);
    this.#first = address + reserved;
    // The last address is a broadcast address by custom.
    this.#size = 2 ** (32 - bits) - reserved - 1;
    assert(this.#size > 0, `no room for pods in ${range}`);
    this.#next = 0;
  }

  /** Null when every address is in use. `preferred` (the address before a restart) is taken when it is free. */
  allocate(preferred?: string): string | null {
    const wanted = preferred === undefined ? null : this.#offset(preferred);
    if (wanted !== null && !this.#taken.has(wanted)) return this.#take(wanted);
    if (this.#taken.size >= this.#size) return null;
    while (this.#taken.has(this.#next)) this.#next = (this.#next + 1) % this.#size;
    return this.#take(this.#next);
  }

  release(ip: string): void {
    const offset = this.#offset(ip);
    if (offset !== null) this.#taken.delete(offset);
  }

  #take(offset: number): string {
    this.#taken.add(offset);
    // A restarted node finds its old pods first: go on behind them.
    if (offset >= this.#next) this.#next = (offset + 1) % this.#size;
    return formatIp(this.#first + offset);
  }

  /** Position in the pool; null when the address is not one of ours. */
  #offset(ip: string): number | null {
    const value = parseIp(ip);
    if (value === null) return null;
    const offset = value - this.#first;
    return offset >= 0 && offset < this.#size ? offset : null;
  }
}

function parseRange(range: string): { address: number; bits: number } {
  const [ip = "", prefix = ""] = range.split("/");
  const address = parseIp(ip);
  const bits = Number(prefix);
  assert(address !== null && prefix !== "" && bits >= 8 && bits <= 30, `not an address range: ${range}`);
  return { address, bits };
}

function parseIp(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null;
  return parts.reduce((value, part) => value * 256 + Number(part), 0);
}

function formatIp(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
