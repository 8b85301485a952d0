import { functions } from "../signature.ts";
import { OPAQUE_TYPES } from "../types.ts";
import { EvaluationError, type OpaqueValue } from "../values.ts";
import { walk } from "./costs.ts";

/** https://semver.org */
class Semver implements OpaqueValue {
  readonly typeName = OPAQUE_TYPES.semver;
  readonly isOpaque = true;
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];

  constructor(numbers: readonly bigint[], prerelease: readonly string[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof Semver && compareVersions(this, other) === 0;
  }
}

const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;
const CHARACTERS_MAX = 1000;

function parseSemver(text: string): Semver | null {
  const [whole, major = "", minor = "", patch = "", prerelease] = VERSION.exec(text) ?? [];
  if (whole === undefined || text.length > CHARACTERS_MAX) return null;
  const parts = prerelease?.split(".") ?? [];
  if (parts.some((part) => /^0\d+$/.test(part))) return null;
  const numbers = [major, minor, patch].map(BigInt);
  return numbers.every((number) => number < 2n ** 64n) ? new Semver(numbers, parts) : null;
}

/** `v1`, `1.0` and `01.01.01` as the versions that they mean. */
function normalize(text: string): string {
  const [, head = "", tail = ""] = /^v?([^-+]*)(.*)$/s.exec(text) ?? [];
  const parts = head.split(".").map((part) => part.replace(/^0+(?=\d)/, ""));
  // A version that is cut short has nothing behind it.
  if (parts.length < 3 && tail !== "") return text;
  while (parts.length < 3) parts.push("0");
  return parts.join(".") + tail;
}

function semverOf(text: string): Semver {
  const version = parseSemver(text);
  if (version) return version;
  throw new EvaluationError(`${JSON.stringify(text)} is no semantic version`);
}

function compareVersions(left: Semver, right: Semver): number {
  for (const [index, number] of left.numbers.entries()) {
    const other = right.numbers[index]!;
    if (number !== other) return number < other ? -1 : 1;
  }
  return comparePrereleases(left.prerelease, right.prerelease);
}

/** A version comes after its prereleases; numbers come before words. */
function comparePrereleases(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return Math.sign(right.length - left.length);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [part, other] = [left[index], right[index]];
    if (part === undefined || other === undefined) return part === undefined ? -1 : 1;
    const order = comparePart(part, other);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(left: string, right: string): number {
  const [isNumber, isOtherNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  if (isNumber) return Number(BigInt(left) > BigInt(right)) - Number(BigInt(left) < BigInt(right));
  return Number(left > right) - Number(left < right);
}

export const semverFunctions = [
  ...functions(
    {
      "semver(string): Semver": semverOf,
      "semver(string, bool): Semver": (text: string, isTolerant: boolean) =>
        semverOf(isTolerant ? normalize(text) : text),
      "isSemver(string): bool": (text: string) => parseSemver(text) !== null,
      "isSemver(string, bool): bool": (text: string, isTolerant: boolean) =>
        parseSemver(isTolerant ? normalize(text) : text) !== null,
    },
    walk,
  ),
  ...functions({
    "Semver.major(): int": ({ numbers }: Semver) => numbers[0]!,
    "Semver.minor(): int": ({ numbers }: Semver) => numbers[1]!,
    "Semver.patch(): int": ({ numbers }: Semver) => numbers[2]!,
    "Semver.isLessThan(Semver): bool": (left: Semver, right: Semver) => compareVersions(left, right) < 0,
    "Semver.isGreaterThan(Semver): bool": (left: Semver, right: Semver) => compareVersions(left, right) > 0,
    "Semver.compareTo(Semver): int": (left: Semver, right: Semver) => BigInt(compareVersions(left, right)),
  }),
];
