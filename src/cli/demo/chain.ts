/** One service of a chain's answer: `-> mocka(version: v1, ip: 127.64.0.3)`. */
export interface Hop {
  readonly service: string;
  readonly version: string;
  readonly ip: string;
}

export function parseChain(answer: string): readonly Hop[] {
  const hops: Hop[] = [];
  for (const match of answer.matchAll(/-> (\S+?)\(version: (\S+?), ip: (\S+?)\)/g)) {
    hops.push({ service: match[1] ?? "", version: match[2] ?? "", ip: match[3] ?? "" });
  }
  return hops;
}

/** `a1 b2 c1`: the last letter of each service and the number of its version, as the seed's walk writes chains. */
export function shortChain(hops: readonly Hop[]): string {
  return hops.map(({ service, version }) => `${service.slice(-1)}${version.replace(/^v/, "")}`).join(" ");
}
