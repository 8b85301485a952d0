import { isIPv4, isIPv6 } from "node:net";

/** IP addresses as numbers, in the forms that Kubernetes takes: no zones, no IPv4 inside IPv6. */
export interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

export const BIT_COUNT = { 4: 32, 6: 128 } as const;

/** A text says what is wrong. */
export function parseAddress(text: string): Address | string {
  if (isIPv4(text)) return { family: 4, bits: bitsOfIpv4(text) };
  if (!isIPv6(text))
    return `IP Address ${JSON.stringify(text)} parse error during conversion from string: unable to parse IP`;
  if (text.includes("%")) return `IP address ${JSON.stringify(text)} with zone value is not allowed`;
  const bits = bitsOfIpv6(text);
  if (bits >> 32n === 0xffffn) return `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`;
  return { family: 6, bits };
}

function bitsOfIpv4(text: string): bigint {
  return text.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function bitsOfIpv6(text: string): bigint {
  const plain = text.replace(/(?:\d+\.){3}\d+$/, (tail) => {
    const bits = bitsOfIpv4(tail);
    return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
  });
  const [head = "", tail] = plain.split("::");
  const groupsOf = (part: string) => (part === "" ? [] : part.split(":"));
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0");
  return [...first, ...zeros, ...last].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** The one form that RFC 5952 recommends. */
export function addressText({ family, bits }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (bits >> BigInt(16 * (7 - index))) & 0xffffn);
  const [start, length] = longestZeros(groups);
  const texts = groups.map((group) => group.toString(16));
  if (length < 2) return texts.join(":");
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`;
}

function longestZeros(groups: readonly bigint[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0n) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  });
  return best;
}

export function mask({ family, bits }: Address, prefixLength: number): bigint {
  const rest = BigInt(BIT_COUNT[family] - prefixLength);
  return (bits >> rest) << rest;
}
