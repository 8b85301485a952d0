import { Duration, EvaluationError, Timestamp, Uint } from "../values.ts";

/** Numbers with Go's bounds: what does not fit is an error, never a wrong number. */

const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

export function int(value: bigint): bigint {
  if (value < INT_MIN || value > INT_MAX) throw new EvaluationError("integer overflow");
  return value;
}

export function uint(value: bigint): Uint {
  if (value < 0n || value > UINT_MAX) throw new EvaluationError("unsigned integer overflow");
  return new Uint(value);
}

export function divide(left: bigint, right: bigint): bigint {
  if (right === 0n) throw new EvaluationError("division by zero");
  return left / right;
}

export function remainder(left: bigint, right: bigint): bigint {
  if (right === 0n) throw new EvaluationError("modulus by zero");
  return left % right;
}

/** A whole number of a double, towards zero. */
export function wholeOf(value: number): bigint {
  if (!Number.isFinite(value)) throw new EvaluationError("integer overflow");
  return BigInt(Math.trunc(value));
}

export function duration(nanoseconds: bigint): Duration {
  if (nanoseconds < INT_MIN || nanoseconds > INT_MAX) throw new EvaluationError("integer overflow");
  return new Duration(nanoseconds);
}

/** From the year 1, which is Go's zero time, to the year 9999. */
export const TIMESTAMP_MIN = -62135596800n * 1_000_000_000n;
const TIMESTAMP_END = 253402300800n * 1_000_000_000n;

export function timestamp(nanoseconds: bigint, offsetMinutes = 0): Timestamp {
  if (nanoseconds < TIMESTAMP_MIN || nanoseconds >= TIMESTAMP_END) throw new EvaluationError("timestamp overflow");
  return new Timestamp(nanoseconds, offsetMinutes);
}
