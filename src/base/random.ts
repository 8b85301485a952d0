import { randomBytes } from "node:crypto";

/** The only source of chance. Production draws from the system, tests and the simulation from a seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

export const systemRandom: Random = { next: () => Math.random() };

/** Every draw from the operating system's generator: for tokens and keys, never for routing. */
export function secretToken(bytes = 32): string {
  return randomBytes(bytes).toString("base64url");
}

/** A repeatable source (mulberry32): the same seed gives the same draws on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

/** Uniform integer in [0, below). */
export function randomInt(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

/** Kubernetes' alphabet for generated names: no vowels, nothing that looks like another (K8S-106). */
const NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

export function randomName(random: Random, length = 5): string {
  let name = "";
  for (let index = 0; index < length; index++) name += NAME_ALPHABET[randomInt(random, NAME_ALPHABET.length)];
  return name;
}

/** A version 4 UUID (RFC 9562, section 5.4) from the given source. */
export function randomUuid(random: Random): string {
  const digits = Array.from({ length: 32 }, () => randomInt(random, 16).toString(16));
  digits[12] = "4";
  digits[16] = (8 + randomInt(random, 4)).toString(16);
  const hex = digits.join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
