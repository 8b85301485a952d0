import type { Result } from "../condition.ts";
import { formatFloat, type Value } from "../expression/index.ts";
import { type HttpAnswer, MeasurementError } from "../provider.ts";

/** What Prometheus' HTTP API answers. */

export interface ApiAnswer {
  readonly status?: string;
  readonly data?: { readonly resultType?: string; readonly result?: unknown };
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
}

/** MP-008: refusals of the API become the message. */
export function parseAnswer({ status, text }: HttpAnswer): {
  readonly result: Result;
  readonly warnings: readonly string[];
} {
  const isApiError = status === 400 || status === 422;
  if (Math.floor(status / 100) !== 2 && !isApiError) throw new MeasurementError(transportError(status));
  let answer: ApiAnswer;
  try {
    answer = JSON.parse(text) as ApiAnswer;
  } catch (error) {
    throw new MeasurementError(`bad_response: ${(error as Error).message}`);
  }
  if (answer.status === "error") throw new MeasurementError(`${answer.errorType ?? ""}: ${answer.error ?? ""}`);
  if (isApiError) throw new MeasurementError("bad_response: inconsistent body for response code");
  return { result: resultOf(answer.data ?? {}), warnings: answer.warnings ?? [] };
}

function transportError(status: number): string {
  if (status >= 400 && status < 500) return `client_error: client error: ${status}`;
  if (status >= 500) return `server_error: server error: ${status}`;
  return `bad_response: bad response code ${status}`;
}

export type Sample = readonly [number, string];

/** MP-005: one number, or one flat list of numbers. */
function resultOf({ resultType, result }: NonNullable<ApiAnswer["data"]>): Result {
  switch (resultType) {
    case "scalar": {
      const value = parseSample(result as Sample);
      return { value, type: "float64", text: formatFloat(value) };
    }
    case "vector":
      return list((result as readonly { readonly value: Sample }[]).map(({ value }) => parseSample(value)));
    case "matrix":
      return list(
        (result as readonly { readonly values: readonly Sample[] }[]).flatMap(({ values }) => values.map(parseSample)),
      );
    default:
      throw new MeasurementError("Prometheus metric type not supported");
  }
}

function list(values: readonly number[]): Result {
  return { value: values as Value, type: "[]float64", text: `[${values.map(formatFloat).join(",")}]` };
}

export function parseSample([, text]: Sample): number {
  if (text === "+Inf" || text === "Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}
