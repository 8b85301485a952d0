import type { KubeObject } from "../../api/meta.ts";
import { assert } from "../../base/assert.ts";
import { type Random, randomInt } from "../../base/random.ts";
import type { FieldProblem } from "./resource.ts";

/**
 * Cluster addresses and node ports of Services (K8S-241). What is taken is read from the stored Services each time:
 * there is no second record that could disagree with them, and a deleted Service frees its numbers by being gone.
 */

export interface AddressRange {
  /** The network address as a number. */
  readonly base: number;
  readonly size: number;
}

export function parseAddressRange(cidr: string): AddressRange {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  assert(match, `service range ${JSON.stringify(cidr)} must be an IPv4 network such as 127.96.0.0/16`);
  const [address = 0, bits = 0] = [parseAddress(cidr.slice(0, cidr.indexOf("/"))) ?? 0, Number(match[5])];
  assert(bits >= 8 && bits <= 28, `service range ${cidr} must have 8 to 28 network bits`);
  const size = 2 ** (32 - bits);
  return { base: address - (address % size), size };
}

export interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  clusterIPs?: string[];
  ports?: ServicePort[];
  allocateLoadBalancerNodePorts?: boolean;
}

interface ServicePort {
  name?: string;
  port?: number;
  protocol?: string;
  nodePort?: number;
}

export interface Allocation {
  readonly range: AddressRange;
  readonly random: Random;
  /** The stored Services, the one being written left out. */
  readonly others: readonly KubeObject[];
}

/** Fills clusterIP, clusterIPs and nodePorts of a private copy; returns what cannot be given. */
export function allocateService(object: KubeObject, old: KubeObject | null, allocation: Allocation): FieldProblem[] {
  const spec = object["spec"] as ServiceSpec | undefined;
  if (!spec) return [];
  const oldSpec = (old?.["spec"] ?? null) as ServiceSpec | null;
  return [...allocateAddress(spec, oldSpec, allocation), ...allocateNodePorts(spec, oldSpec, allocation)];
}

function allocateAddress(spec: ServiceSpec, old: ServiceSpec | null, allocation: Allocation): FieldProblem[] {
  if (spec.type === "ExternalName") {
    // A former address is let go, as long as the client did not ask to keep it (validation refuses that).
    if (spec.clusterIP === old?.clusterIP) delete spec.clusterIP;
    if (spec.clusterIP === undefined) delete spec.clusterIPs;
    return [];
  }
  const asked = spec.clusterIP || spec.clusterIPs?.[0] || old?.clusterIP || "";
  if (asked !== "") {
    spec.clusterIP = asked;
    spec.clusterIPs ??= [asked];
    return asked === "None" || asked === old?.clusterIP ? [] : askedProblems(asked, allocation);
  }
  const free = freeAddress(allocation);
  if (free === null) return [addressProblem("", "range is full")];
  spec.clusterIP = free;
  spec.clusterIPs = [free];
  return [];
}

function askedProblems(asked: string, { range, others }: Allocation): FieldProblem[] {
  const address = parseAddress(asked);
  if (address === null) return []; // Not an address at all: validation of the Service says so.
  const isInside = address > range.base && address < range.base + range.size - 1;
  if (!isInside) return [addressProblem(asked, "the provided network does not match the current range")];
  return usedAddresses(others).has(asked) ? [addressProblem(asked, "provided IP is already allocated")] : [];
}

function addressProblem(address: string, detail: string): FieldProblem {
  const message = `Invalid value: ${JSON.stringify([address])}: failed to allocate IP ${address}: ${detail}`;
  return { field: "spec.clusterIPs", reason: "FieldValueInvalid", message };
}

/** Random in the upper band, so that the lower one stays free for addresses that people choose. */
function freeAddress({ range, random, others }: Allocation): string | null {
  // The address of the network itself is never given out; a tiny network has no band to spare.
  const staticBand = range.size <= 16 ? 1 : Math.min(Math.max(16, range.size / 16), 256);
  return pickFree({
    used: usedAddresses(others),
    lower: [1, staticBand],
    upper: [staticBand, range.size - 1],
    random,
    render: (offset) => formatAddress(range.base + offset),
  });
}

/** kube-apiserver's default --service-node-port-range; its static band is min(max(16, size/32), 128) = 86. */
const NODE_PORT_FIRST = 30_000;
const NODE_PORT_LAST = 32_767;
const NODE_PORT_STATIC_BAND = 86;

function allocateNodePorts(spec: ServiceSpec, old: ServiceSpec | null, allocation: Allocation): FieldProblem[] {
  const ports = spec.ports ?? [];
  const wantsPorts =
    spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
  if (!wantsPorts) {
    if (spec.type !== "LoadBalancer") for (const port of ports) delete port.nodePort;
    return [];
  }
  const problems: FieldProblem[] = [];
  const used = usedNodePorts(allocation.others);
  ports.forEach((port, index) => {
    const former = old?.ports?.find((each) => each.port === port.port && each.protocol === port.protocol)?.nodePort;
    // Two of the form's ports may share a number when their protocols differ.
    if (!port.nodePort && former && !used.has(nodePortKey(former, port.protocol))) port.nodePort = former;
    if (port.nodePort) problems.push(...nodePortProblems(port, index, used));
    else assignNodePort(port, index, used, allocation.random, problems);
    if (port.nodePort) used.add(nodePortKey(port.nodePort, port.protocol));
  });
  return problems;
}

function nodePortProblems(port: ServicePort, index: number, used: ReadonlySet<string>): FieldProblem[] {
  const { nodePort = 0, protocol } = port;
  if (used.has(nodePortKey(nodePort, protocol)))
    return [nodePortProblem(index, nodePort, "provided port is already allocated")];
  if (nodePort >= NODE_PORT_FIRST && nodePort <= NODE_PORT_LAST) return [];
  const range = `${NODE_PORT_FIRST}-${NODE_PORT_LAST}`;
  return [
    nodePortProblem(index, nodePort, `provided port is not in the valid range. The range of valid ports is ${range}`),
  ];
}

function nodePortProblem(index: number, nodePort: number, detail: string): FieldProblem {
  const message = `Invalid value: ${nodePort}: ${detail}`;
  return { field: `spec.ports[${index}].nodePort`, reason: "FieldValueInvalid", message };
}

function assignNodePort(
  port: ServicePort,
  index: number,
  used: Set<string>,
  random: Random,
  problems: FieldProblem[],
): void {
  const free = pickFree({
    used,
    lower: [NODE_PORT_FIRST, NODE_PORT_FIRST + NODE_PORT_STATIC_BAND],
    upper: [NODE_PORT_FIRST + NODE_PORT_STATIC_BAND, NODE_PORT_LAST + 1],
    random,
    render: (number) => nodePortKey(number, port.protocol),
  });
  if (free === null) problems.push(nodePortProblem(index, 0, "range is full"));
  else port.nodePort = Number(free.slice(0, free.indexOf("/")));
}

interface Pick {
  readonly used: ReadonlySet<string>;
  readonly lower: readonly [number, number];
  readonly upper: readonly [number, number];
  readonly random: Random;
  render(number: number): string;
}

function pickFree({ used, lower, upper, random, render }: Pick): string | null {
  const [first, end] = upper;
  const start = first + randomInt(random, end - first);
  for (let step = 0; step < end - first; step++) {
    const candidate = render(first + ((start - first + step) % (end - first)));
    if (!used.has(candidate)) return candidate;
  }
  for (let number = lower[0]; number < lower[1]; number++) if (!used.has(render(number))) return render(number);
  return null;
}

function usedAddresses(services: readonly KubeObject[]): Set<string> {
  return new Set(services.map((service) => (service["spec"] as ServiceSpec | undefined)?.clusterIP ?? ""));
}

function usedNodePorts(services: readonly KubeObject[]): Set<string> {
  const used = new Set<string>();
  for (const service of services) {
    for (const { nodePort, protocol } of (service["spec"] as ServiceSpec | undefined)?.ports ?? []) {
      if (nodePort) used.add(nodePortKey(nodePort, protocol));
    }
  }
  return used;
}

function nodePortKey(nodePort: number, protocol = "TCP"): string {
  return `${nodePort}/${protocol}`;
}

function parseAddress(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return null;
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
