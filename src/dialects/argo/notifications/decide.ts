import { createHash } from "node:crypto";
import { ExpressionError, formatFloat, type Value } from "../../../analysis/expression/index.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { isRecord } from "../../../base/json.ts";
import type { Instant } from "../../../base/time.ts";
import type { PlannedEvent } from "../../../runtime/plan.ts";
import { annotations } from "../keys.ts";
import type { CompiledPart, Condition, NotificationConfig } from "./config.ts";
import { triggerOf } from "./reasons.ts";
import { redacted } from "./redact.ts";
import { destinationsOf } from "./subscriptions.ts";
import { TemplateError } from "./template/index.ts";
import { type Delivery, type Destination, type Notification, NotificationError } from "./types.ts";

/** What an event tells whom (NO-003, NO-004). Pure; whoever asked sends the deliveries. */
export interface Occasion {
  readonly event: PlannedEvent;
  /** Runs of the Rollout's present revision, newest first. */
  readonly analysisRuns: readonly KubeObject[];
  readonly now: Instant;
  readonly config: NotificationConfig;
  /** The configuration is of the object's own namespace, not the controller's. */
  readonly isSelfService: boolean;
}

export interface Decision {
  readonly notices: readonly Notice[];
  /** What kept somebody from being told. */
  readonly problems: readonly string[];
}

export interface Notice {
  readonly trigger: string;
  readonly destination: Destination;
  readonly deliveries: readonly Delivery[];
  /** `oncePer`: tell nobody again under this key, see `isNotified`. Null: as often as it happens. */
  readonly onceKey: string | null;
}

export function decideNotices(occasion: Occasion): Decision {
  const { event, config } = occasion;
  const trigger = triggerOf(event.reason);
  const conditions = config.triggers.get(trigger);
  if (!conditions) return { notices: [], problems: [] };
  const notices: Notice[] = [];
  const problems: string[] = [];
  for (const destination of destinationsOf(event.regarding, trigger, config)) {
    for (const [index, condition] of conditions.entries()) {
      try {
        const notice = noticeOf({ trigger, index, condition, destination }, occasion);
        if (notice) notices.push(notice);
      } catch (error) {
        if (!isMistake(error)) throw error;
        const { service, recipient } = destination;
        const whom = recipient === "" ? service : `${service} ${recipient}`;
        problems.push(`trigger ${trigger}, ${whom}: ${redacted(error.message, config.secrets)}`);
      }
    }
  }
  return { notices, problems };
}

export function isMistake(error: unknown): error is Error {
  return error instanceof NotificationError || error instanceof TemplateError || error instanceof ExpressionError;
}

interface Candidate {
  readonly trigger: string;
  readonly index: number;
  readonly condition: Condition;
  readonly destination: Destination;
}

function noticeOf(candidate: Candidate, occasion: Occasion): Notice | null {
  const { trigger, condition, destination } = candidate;
  const { event, analysisRuns, now, config } = occasion;
  const { recipient, service: name } = destination;
  const variables = { rollout: event.regarding, analysisRuns, recipient } as unknown as Record<string, Value>;
  if (condition.when && condition.when.evaluate({ variables, now }) !== true) return null;
  const once = condition.oncePer ? showValue(condition.oncePer.evaluate({ variables, now })) : "";
  const service = config.services.get(name);
  if (!service) throw new NotificationError(`notification service '${name}' is not configured`);
  const data = { ...variables, serviceType: name, secrets: config.secrets };
  const notification = rendered({ names: condition.send, type: service.type }, config, data);
  return {
    trigger,
    destination,
    deliveries: service.prepare(notification, { service: name, recipient, now }),
    onceKey: once === "" ? null : onceKey(once, candidate, occasion),
  };
}

/**
 * Later templates add to and replace what earlier ones said. Only the part that the service of this type reads is made; null:
 * all parts. Throws NotificationError.
 */
export function rendered(
  { names, type }: { readonly names: readonly string[]; readonly type: string | null },
  { templates }: NotificationConfig,
  data: Readonly<Record<string, unknown>>,
): Notification {
  let message = "";
  let parts: Record<string, unknown> = {};
  for (const name of names) {
    const template = templates.get(name);
    if (!template) throw new NotificationError(`template '${name}' is not configured`);
    try {
      message = template.message.render(data) || message;
      for (const one of type === null ? Object.keys(template.parts) : [type]) {
        const part = template.parts[one];
        if (part) parts = { ...parts, [one]: merged(parts[one], renderPart(part, data)) };
      }
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new NotificationError(`template ${name}: ${error.message}`);
    }
  }
  return { message, parts };
}

function merged(before: unknown, after: unknown): unknown {
  return isRecord(before) && isRecord(after) ? { ...before, ...after } : after;
}

function renderPart(part: CompiledPart, data: Readonly<Record<string, unknown>>): unknown {
  switch (part.kind) {
    case "template":
      return part.template.render(data);
    case "value":
      return part.value;
    case "list":
      return part.items.map((item) => renderPart(item, data));
    case "record":
      return Object.fromEntries(Object.entries(part.members).map(([key, one]) => [key, renderPart(one, data)]));
  }
}

function showValue(value: Value): string {
  if (value === null) return "";
  return typeof value === "number" ? formatFloat(value) : String(value);
}

// What was told already -----------------------------------------------------------------------------------------------

/** The original's engine writes the same keys, for the applications where it does keep them. */
function onceKey(once: string, candidate: Candidate, { config, isSelfService }: Occasion): string {
  const { trigger, index, condition, destination } = candidate;
  const hash = createHash("sha1").update(condition.whenText).digest("base64url");
  const own = isSelfService ? `${config.namespace}:` : "";
  return `${once}:${own}${trigger}:[${index}].${hash}:${destination.service}:${destination.recipient}`;
}

/** Entries of the annotation; beyond them the oldest go. */
const NOTIFIED_MAX = 100;

/** What the object's annotation says was told, with the Unix time in seconds. */
export function notifiedOf({ metadata }: KubeObject): Readonly<Record<string, number>> {
  try {
    const value: unknown = JSON.parse(metadata.annotations?.[annotations.notified] ?? "{}");
    return isRecord(value) ? (value as Record<string, number>) : {};
  } catch {
    return {};
  }
}

/** The annotation with one more entry. */
export function withNotified(object: KubeObject, key: string, now: Instant): string {
  const entries = Object.entries({ ...notifiedOf(object), [key]: Math.floor(now / 1000) });
  const newest = entries.sort(([, left], [, right]) => right - left).slice(0, NOTIFIED_MAX);
  return JSON.stringify(Object.fromEntries(newest.sort(([left], [right]) => (left < right ? -1 : 1))));
}
