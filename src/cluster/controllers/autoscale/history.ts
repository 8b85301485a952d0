import type { HorizontalPodAutoscaler } from "../../../api/autoscaling.ts";
import { isRecord } from "../../../base/json.ts";
import { formatTime, type Instant, parseTime } from "../../../base/time.ts";

/**
 * What an autoscaler must remember between two looks, so that it neither flaps nor exceeds its rates: the original keeps it
 * in memory and forgets it with the process; here it is an annotation of the autoscaler, so that decisions follow from
 * objects alone.
 *
 * Of the recommendations only those are kept that can still matter: the one last seen where it is not the present size, and
 * the ones before it that a stabilisation window may choose. An autoscaler at rest remembers nothing and writes nothing.
 */
export interface History {
  /** The newest recommendation; null: the present size. */
  readonly last: number | null;
  /** Given up for a smaller one at this time. The oldest is the greatest. */
  readonly higher: readonly Recommendation[];
  /** Given up for a greater one at this time. The oldest is the smallest. */
  readonly lower: readonly Recommendation[];
  /** Oldest first. */
  readonly scalings: readonly Scaling[];
}

export interface Recommendation {
  readonly at: Instant;
  readonly replicas: number;
}

export interface Scaling {
  readonly at: Instant;
  readonly from: number;
  readonly to: number;
}

export const HISTORY_ANNOTATION = "autoscaling.fairway.dev/history";

export const noHistory: History = { last: null, higher: [], lower: [], scalings: [] };

/** What a person put there instead is as good as nothing: the rules start anew from the present size. */
export function readHistory({ metadata }: HorizontalPodAutoscaler): History {
  const text = metadata.annotations?.[HISTORY_ANNOTATION];
  if (text === undefined) return noHistory;
  try {
    return historyOf(JSON.parse(text));
  } catch {
    return noHistory;
  }
}

/** The annotation's value; null: none. */
export function renderHistory({ last, higher, lower, scalings }: History): string | null {
  const recommendations = (list: readonly Recommendation[]) =>
    list.length === 0 ? undefined : list.map(({ at, replicas }) => ({ at: formatTime(at), replicas }));
  const value = {
    last: last ?? undefined,
    higher: recommendations(higher),
    lower: recommendations(lower),
    scalings: scalings.length === 0 ? undefined : scalings.map((each) => ({ ...each, at: formatTime(each.at) })),
  };
  const text = JSON.stringify(value);
  return text === "{}" ? null : text;
}

function historyOf(value: unknown): History {
  if (!isRecord(value)) return noHistory;
  const recommendations = (list: unknown): Recommendation[] =>
    entriesOf(list).flatMap(({ at, entry: { replicas } }) => (isCount(replicas) ? [{ at, replicas }] : []));
  return {
    last: isCount(value["last"]) ? value["last"] : null,
    higher: recommendations(value["higher"]),
    lower: recommendations(value["lower"]),
    scalings: entriesOf(value["scalings"]).flatMap(({ at, entry: { from, to } }) =>
      isCount(from) && isCount(to) ? [{ at, from, to }] : [],
    ),
  };
}

function entriesOf(list: unknown): { at: Instant; entry: Record<string, unknown> }[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry) => {
    const at = isRecord(entry) ? parseTime(String(entry["at"])) : null;
    return at === null ? [] : [{ at, entry: entry as Record<string, unknown> }];
  });
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

/** How long things matter. */
export interface Windows {
  readonly upMs: number;
  readonly downMs: number;
  /** The longest period of a policy. */
  readonly scalingsMs: number;
}

/** Without what no longer matters. */
export function pruned(history: History, windows: Windows, now: Instant): History {
  return {
    ...history,
    higher: history.higher.filter(({ at }) => at + windows.downMs > now),
    lower: history.lower.filter(({ at }) => at + windows.upMs > now),
    scalings: history.scalings.filter(({ at }) => at + windows.scalingsMs > now),
  };
}

/** With one more recommendation. */
export function recommended(
  history: History,
  {
    replicas,
    currentReplicas,
    windows,
    now,
  }: { readonly replicas: number; readonly currentReplicas: number; readonly windows: Windows; readonly now: Instant },
): History {
  const last = history.last ?? currentReplicas;
  const givenUp = [{ at: now, replicas: last }];
  const isLess = windows.downMs > 0 && replicas < last;
  const isMore = windows.upMs > 0 && replicas > last;
  const higher = [...history.higher.filter((each) => !isLess || each.replicas > last), ...(isLess ? givenUp : [])];
  const lower = [...history.lower.filter((each) => !isMore || each.replicas < last), ...(isMore ? givenUp : [])];
  const next = {
    ...history,
    higher: higher.filter((each) => each.replicas > replicas),
    lower: lower.filter((each) => each.replicas < replicas),
  };
  const isAtRest = replicas === currentReplicas && next.higher.length === 0 && next.lower.length === 0;
  return { ...next, last: isAtRest ? null : replicas };
}
