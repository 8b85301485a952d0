import { ExpressionError, evaluateCondition, type Value } from "./expression/index.ts";
import { callsAny } from "./expression/uses.ts";
import type { AnalysisPhase, Metric } from "./types.ts";

/** What a provider answered, before any judgement. */
export interface Result {
  readonly value: Value;
  /** Go's type of it, where a list's says more than the list, e.g. `[]float64` (MP-041). */
  readonly type?: string;
  /** How it is stored in the measurement. */
  readonly text: string;
  /** What the provider knows that a NaN stands for; without it nobody knows what was counted. */
  readonly absence?: "requests";
}

export interface Verdict {
  readonly phase: AnalysisPhase;
  readonly message?: string;
  /** Nothing was measured: there was no traffic, or no series. */
  readonly isNoData?: boolean;
}

const NO_DATA = "metric result is nil or empty: no data returned from the metric provider";

/** Section 4.1: a result and the metric's conditions → the phase of the measurement. */
export function judge(
  metric: Pick<Metric, "successCondition" | "failureCondition">,
  result: Result,
  now: number,
): Verdict {
  let succeeds: boolean | null;
  let fails: boolean | null;
  try {
    // The success condition comes first: its error hides the other's (EX-004).
    succeeds = test("successCondition", metric.successCondition, result, now);
    fails = test("failureCondition", metric.failureCondition, result, now);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { phase: "Error", message: error.message, ...(isEmpty(result.value) ? { isNoData: true } : {}) };
  }
  return withoutData(metric, result, phaseOf(succeeds, fails));
}

/** EX-001, EX-002; null: the metric has no such condition. */
function phaseOf(succeeds: boolean | null, fails: boolean | null): AnalysisPhase {
  if (succeeds === null && fails === null) return "Successful";
  if (fails ?? !succeeds) return "Failed";
  return (succeeds ?? !fails) ? "Successful" : "Inconclusive";
}

function test(field: string, condition: string | undefined, result: Result, now: number): boolean | null {
  if (!condition) return null;
  try {
    const { value, type } = result;
    return evaluateCondition(condition, { result: value, ...(type === undefined ? {} : { resultType: type }), now });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const cause = isEmpty(result.value) ? NO_DATA : error.message;
    throw new ExpressionError(`could not evaluate ${field} "${condition}": ${cause}`);
  }
}

function isEmpty(value: Value): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}

/** Functions with which an author says that missing data was thought of. */
const GUARDS = ["isNaN", "isNil", "default", "len"];

/**
 * No traffic makes 0/0, and NaN passes a lone failureCondition in the original (SU-002). The phase stays, the message
 * says what was seen, and a metric that never saw anything does not pass (assess.ts).
 */
function withoutData(
  metric: Pick<Metric, "successCondition" | "failureCondition">,
  { value, text, absence }: Result,
  phase: AnalysisPhase,
): Verdict {
  if (!isNoTraffic(value) || allowsForNoData(metric)) return { phase };
  const what = absence === "requests" ? "no traffic was measured (0 requests seen)" : "nothing was measured";
  const message = `${what}: the metric provider returned ${text}`;
  return { phase, message, isNoData: true };
}

/** The author has thought of missing data. */
export function allowsForNoData({
  successCondition = "",
  failureCondition = "",
}: Pick<Metric, "successCondition" | "failureCondition">): boolean {
  return [successCondition, failureCondition].some((condition) => callsAny(condition, GUARDS));
}

function isNoTraffic(value: Value): boolean {
  if (isEmpty(value)) return true;
  const values = Array.isArray(value) ? value : [value];
  return values.every((one) => typeof one === "number" && Number.isNaN(one));
}
