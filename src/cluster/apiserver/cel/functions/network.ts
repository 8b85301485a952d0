import { functions } from "../signature.ts";
import { OPAQUE_TYPES } from "../types.ts";
import { EvaluationError, type OpaqueValue } from "../values.ts";
import { type Address, addressText, BIT_COUNT, mask, parseAddress } from "./addresses.ts";
import { walk } from "./costs.ts";

class Ip implements OpaqueValue {
  readonly typeName = OPAQUE_TYPES.ip;
  readonly isOpaque = true;
  readonly address: Address;

  constructor(address: Address) {
    this.address = address;
  }

  equals(other: OpaqueValue): boolean {
    return (
      other instanceof Ip && other.address.family === this.address.family && other.address.bits === this.address.bits
    );
  }
}

class Cidr implements OpaqueValue {
  readonly typeName = OPAQUE_TYPES.cidr;
  readonly isOpaque = true;
  readonly address: Address;
  readonly prefixLength: number;

  constructor(address: Address, prefixLength: number) {
    this.address = address;
    this.prefixLength = prefixLength;
  }

  equals(other: OpaqueValue): boolean {
    return (
      other instanceof Cidr &&
      other.prefixLength === this.prefixLength &&
      other.address.family === this.address.family &&
      other.address.bits === this.address.bits
    );
  }

  contains(address: Address): boolean {
    return (
      address.family === this.address.family &&
      mask(address, this.prefixLength) === mask(this.address, this.prefixLength)
    );
  }
}

function ipOf(text: string): Ip {
  const address = parseAddress(text);
  if (typeof address === "string") throw new EvaluationError(address);
  return new Ip(address);
}

function parseCidr(text: string): Cidr | string {
  const refuse = (why: string) => `network address parse error during conversion from string: ${why}`;
  const [, base = "", length = ""] = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (typeof address === "string") return refuse(`invalid CIDR ${JSON.stringify(text)}`);
  if (Number(length) > BIT_COUNT[address.family])
    return refuse(`prefix length of ${JSON.stringify(text)} out of range`);
  return new Cidr(address, Number(length));
}

function cidrOf(text: string): Cidr {
  const cidr = parseCidr(text);
  if (typeof cidr === "string") throw new EvaluationError(cidr);
  return cidr;
}

const inRange = (bits: bigint, from: bigint, shift: bigint) => bits >> shift === from;

function isLoopback({ family, bits }: Address): boolean {
  return family === 4 ? inRange(bits, 127n, 24n) : bits === 1n;
}

function isLinkLocalUnicast({ family, bits }: Address): boolean {
  return family === 4 ? inRange(bits, 0xa9fen, 16n) : inRange(bits, 0xfe80n >> 6n, 118n);
}

function isLinkLocalMulticast({ family, bits }: Address): boolean {
  return family === 4 ? inRange(bits, 0xe00000n, 8n) : ((bits >> 112n) & 0xff0fn) === 0xff02n;
}

function isMulticast({ family, bits }: Address): boolean {
  return family === 4 ? inRange(bits, 0xen, 28n) : inRange(bits, 0xffn, 120n);
}

function isGlobalUnicast(address: Address): boolean {
  const { family, bits } = address;
  const isBroadcast = family === 4 && bits === 0xffffffffn;
  return bits !== 0n && !isBroadcast && !isLoopback(address) && !isMulticast(address) && !isLinkLocalUnicast(address);
}

export const ipFunctions = [
  ...functions(
    {
      "ip(string): IP": ipOf,
      "isIP(string): bool": (text: string) => typeof parseAddress(text) !== "string",
      "ip.isCanonical(string): bool": (text: string) => addressText(ipOf(text).address) === text,
    },
    walk,
  ),
  ...functions({
    "string(IP): string": ({ address }: Ip) => addressText(address),
    "IP.family(): int": ({ address }: Ip) => BigInt(address.family),
    "IP.isUnspecified(): bool": ({ address }: Ip) => address.bits === 0n,
    "IP.isLoopback(): bool": ({ address }: Ip) => isLoopback(address),
    "IP.isLinkLocalMulticast(): bool": ({ address }: Ip) => isLinkLocalMulticast(address),
    "IP.isLinkLocalUnicast(): bool": ({ address }: Ip) => isLinkLocalUnicast(address),
    "IP.isGlobalUnicast(): bool": ({ address }: Ip) => isGlobalUnicast(address),
  }),
];

function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return inner.prefixLength >= outer.prefixLength && outer.contains(inner.address);
}

export const cidrFunctions = [
  ...functions(
    {
      "cidr(string): CIDR": cidrOf,
      "isCIDR(string): bool": (text: string) => typeof parseCidr(text) !== "string",
    },
    walk,
  ),
  ...functions(
    {
      "CIDR.containsIP(string): bool": (cidr: Cidr, text: string) => cidr.contains(ipOf(text).address),
      "CIDR.containsIP(IP): bool": (cidr: Cidr, ip: Ip) => cidr.contains(ip.address),
      "CIDR.containsCIDR(string): bool": (cidr: Cidr, text: string) => containsCidr(cidr, cidrOf(text)),
      "CIDR.containsCIDR(CIDR): bool": containsCidr,
      "CIDR.ip(): IP": ({ address }: Cidr) => new Ip(address),
      "CIDR.masked(): CIDR": ({ address, prefixLength }: Cidr) =>
        new Cidr({ family: address.family, bits: mask(address, prefixLength) }, prefixLength),
      "CIDR.prefixLength(): int": ({ prefixLength }: Cidr) => BigInt(prefixLength),
      "string(CIDR): string": ({ address, prefixLength }: Cidr) => `${addressText(address)}/${prefixLength}`,
    },
    () => 5,
  ),
];
