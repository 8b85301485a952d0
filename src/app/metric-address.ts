import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { type Clock, sleep } from "../base/clock.ts";

/**
 * SE-008: analysis templates name the Prometheus of the cluster they were written for. An address that only such a
 * cluster could know, or that nobody knows, stands for the embedded one, with the path that was written.
 */
export interface MetricAddressOptions {
  /** The embedded Prometheus, without a path. */
  readonly embedded: string;
  readonly clock: Clock;
  readonly resolves?: (host: string) => Promise<boolean>;
}

/** How long an answer about a host is believed. */
const BELIEVED_MS = 60_000;
/** A name server that does not answer must not hold a measurement. */
const LOOKUP_MS_MAX = 3_000;

export function metricAddresses(options: MetricAddressOptions): (address: string) => Promise<string> {
  const { embedded, clock, resolves = hasAddress } = options;
  const known = new Map<string, { readonly at: number; readonly isKnown: Promise<boolean> }>();

  function isKnownHost(host: string): Promise<boolean> {
    const found = known.get(host);
    if (found && clock.now() - found.at < BELIEVED_MS) return found.isKnown;
    const isKnown = within(clock, resolves(host));
    known.set(host, { at: clock.now(), isKnown });
    return isKnown;
  }

  return async (address) => {
    if (!URL.canParse(address)) return address;
    const { hostname, pathname, search } = new URL(address);
    const isElsewhere = isIP(hostname.replace(/^\[|\]$/g, "")) !== 0 || hostname === "localhost";
    if (isElsewhere || (!isClusterName(hostname) && (await isKnownHost(hostname)))) return address;
    return `${embedded}${pathname === "/" ? "" : pathname}${search}`;
  };
}

/** `prometheus`, `prometheus.istio-system`, `thanos.monitoring.svc`, `….svc.cluster.local`: names of a cluster's own DNS. */
function isClusterName(host: string): boolean {
  return /^prometheus[\w-]*(\.[\w-]+)?$/.test(host) || /\.svc(\.cluster\.local)?$/.test(host);
}

async function hasAddress(host: string): Promise<boolean> {
  try {
    await lookup(host);
    return true;
  } catch {
    return false;
  }
}

async function within(clock: Clock, answer: Promise<boolean>): Promise<boolean> {
  const answered = new AbortController();
  const tooLate = sleep(clock, LOOKUP_MS_MAX, answered.signal).then(
    () => false,
    () => false,
  );
  const found = await Promise.race([answer, tooLate]);
  answered.abort();
  return found;
}
