import type { KubeObject } from "../../../api/meta.ts";
import { isRecord } from "../../../base/json.ts";
import type { NotificationConfig } from "./config.ts";
import { canFire } from "./reasons.ts";
import { type Destination, NotificationError } from "./types.ts";
import { parseYaml } from "./yaml.ts";

/** Who wants to know of an object (NO-002): annotations on it, and subscriptions of the configuration. */

const PREFIX = "notifications.argoproj.io/subscribe.";
const LIST = "notifications.argoproj.io/subscriptions";

interface Subscription {
  /** "": the default ones. */
  readonly trigger: string;
  readonly service: string;
  readonly recipients: readonly string[];
  /** The annotation's key, for messages. */
  readonly source: string;
}

export function hasSubscriptions({ metadata }: KubeObject): boolean {
  return Object.keys(metadata.annotations ?? {}).some((key) => key.startsWith(PREFIX) || key === LIST);
}

/** Whom to tell when the trigger fires; each once. */
export function destinationsOf(
  object: KubeObject,
  trigger: string,
  config: NotificationConfig,
): readonly Destination[] {
  const wanted = [...globalDestinations(object, trigger, config)];
  for (const { trigger: named, service, recipients } of annotated(object).subscriptions) {
    const triggers = named === "" ? defaultTriggers(service, config) : [named];
    if (triggers.includes(trigger)) wanted.push(...recipients.map((recipient) => ({ service, recipient })));
  }
  return [...new Map(wanted.map((one) => [`${one.service}\0${one.recipient}`, one])).values()];
}

function defaultTriggers(service: string, config: NotificationConfig): readonly string[] {
  return config.serviceDefaultTriggers.get(service) ?? config.defaultTriggers;
}

function globalDestinations({ metadata }: KubeObject, trigger: string, config: NotificationConfig): Destination[] {
  return config.subscriptions
    .filter(({ triggers, matches }) => {
      const named = triggers.length === 0 ? config.defaultTriggers : triggers;
      return named.includes(trigger) && matches(metadata.labels);
    })
    .flatMap(({ recipients }) => recipients)
    .map((text) => {
      const [service = "", recipient = ""] = text.split(":");
      return { service, recipient };
    });
}

function annotated({ metadata }: KubeObject): {
  readonly subscriptions: readonly Subscription[];
  readonly problems: readonly string[];
} {
  const subscriptions: Subscription[] = [];
  const problems: string[] = [];
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    if (key.startsWith(PREFIX)) subscriptions.push(ofAnnotation(key, value));
    else if (key === LIST) {
      const listed = ofList(value);
      if (typeof listed === "string") problems.push(`annotation ${LIST}: ${listed}`);
      else subscriptions.push(...listed);
    }
  }
  return { subscriptions, problems };
}

/** `subscribe.<trigger>.<service>`, or `subscribe.<service>`: the default triggers. */
function ofAnnotation(key: string, value: string): Subscription {
  const [first = "", second] = key.slice(PREFIX.length).split(".");
  const recipients = value === "" ? [""] : splitRecipients(value);
  return { trigger: second === undefined ? "" : first, service: second ?? first, recipients, source: key };
}

function splitRecipients(value: string): readonly string[] {
  return value
    .split(";")
    .map((recipient) => recipient.trim())
    .filter((recipient) => recipient !== "");
}

/** A YAML list of triggers and destinations; a text says what is wrong with it. */
function ofList(text: string): readonly Subscription[] | string {
  const value = parsed(text);
  if (value instanceof NotificationError) return `${value.message}; ${EXPECTED}`;
  if (!Array.isArray(value)) return EXPECTED;
  const subscriptions: Subscription[] = [];
  for (const one of value) {
    const { trigger, destinations } = isRecord(one) ? one : {};
    if (!Array.isArray(destinations)) return "expected destinations: a list of {service, recipients}";
    const triggers = Array.isArray(trigger) && trigger.length > 0 ? trigger : [""];
    for (const destination of destinations) {
      const { service, recipients } = isRecord(destination) ? destination : {};
      if (typeof service !== "string") return "expected destinations: a list of {service, recipients}";
      const named = Array.isArray(recipients) ? recipients.map(String) : [];
      for (const name of triggers)
        subscriptions.push({ trigger: String(name), service, recipients: named, source: LIST });
    }
  }
  return subscriptions;
}

const EXPECTED = "expected a YAML list of {trigger, destinations}";

/** Whoever may annotate an object writes here: nothing in it may be more than a problem of this subscription. */
function parsed(text: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error;
    return error;
  }
}

/**
 * Why a subscription will never tell anybody (SU-032): the original is silent about all of these. `configs` are those that
 * may concern the object; empty: there is no configuration at all.
 */
export function subscriptionProblems(object: KubeObject, configs: readonly NotificationConfig[]): readonly string[] {
  const { subscriptions, problems } = annotated(object);
  const found = subscriptions.map((subscription) => problemOf(subscription, configs));
  return [...new Set([...problems, ...found.filter((problem) => problem !== null)])];
}

function problemOf({ trigger, service, recipients, source }: Subscription, configs: readonly NotificationConfig[]) {
  if (configs.length === 0) return `annotation ${source}: notifications are not configured`;
  if (recipients.length === 0) return `annotation ${source}: no recipient is named`;
  const services = namesOf(configs, ({ services: known }) => known);
  if (!services.includes(service)) {
    return `annotation ${source}: service "${service}" is not configured; configured are: ${shown(services)}`;
  }
  if (trigger === "") {
    const isAny = configs.some((config) => defaultTriggers(service, config).length > 0);
    return isAny ? null : `annotation ${source}: it names no trigger, and no default triggers are configured`;
  }
  const triggers = namesOf(configs, ({ triggers: known }) => known);
  if (!triggers.includes(trigger)) {
    return `annotation ${source}: trigger "${trigger}" is not configured; configured are: ${shown(triggers)}`;
  }
  // A trigger fires by its name alone (NO-003), whatever its conditions say.
  return canFire(trigger) ? null : `annotation ${source}: trigger "${trigger}" never fires: no event has such a reason`;
}

function namesOf(
  configs: readonly NotificationConfig[],
  read: (config: NotificationConfig) => ReadonlyMap<string, unknown>,
): readonly string[] {
  return [...new Set(configs.flatMap((config) => [...read(config).keys()]))].sort();
}

function shown(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}
