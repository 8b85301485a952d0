import { compileExpression, type Expression, ExpressionError } from "../../../analysis/expression/index.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { isRecord } from "../../../base/json.ts";
import { parseLabelSelector } from "../../../kube/selector.ts";
import { redacted } from "./redact.ts";
import { createService } from "./services/index.ts";
import { compileTemplate, type Template, TemplateError } from "./template/index.ts";
import { NotificationError, type Service } from "./types.ts";
import { parseYaml } from "./yaml.ts";

/**
 * The configuration of notifications (NO-001): a ConfigMap, and a Secret that its services refer to with `$key`. An entry
 * with a mistake is left out and told; the others work. The original drops them all.
 */
export interface NotificationConfig {
  readonly namespace: string;
  readonly services: ReadonlyMap<string, Service>;
  readonly triggers: ReadonlyMap<string, readonly Condition[]>;
  readonly templates: ReadonlyMap<string, NotificationTemplate>;
  readonly subscriptions: readonly GlobalSubscription[];
  readonly defaultTriggers: readonly string[];
  /** By service. */
  readonly serviceDefaultTriggers: ReadonlyMap<string, readonly string[]>;
  /** The Secret's data, for templates. */
  readonly secrets: Readonly<Record<string, string>>;
  /** What is wrong, each naming its key. */
  readonly problems: readonly string[];
}

export interface Condition {
  /** Null: always. */
  readonly when: Expression | null;
  readonly whenText: string;
  readonly oncePer: Expression | null;
  readonly send: readonly string[];
}

export interface NotificationTemplate {
  readonly message: Template;
  /** Parts for single types of service, with a Template for each text. */
  readonly parts: Readonly<Record<string, CompiledPart>>;
}

export type CompiledPart =
  | { readonly kind: "template"; readonly template: Template }
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "list"; readonly items: readonly CompiledPart[] }
  | { readonly kind: "record"; readonly members: Readonly<Record<string, CompiledPart>> };

export interface GlobalSubscription {
  readonly recipients: readonly string[];
  readonly triggers: readonly string[];
  matches(labels: Record<string, string> | undefined): boolean;
}

/** The reader of one key of the ConfigMap; what it throws becomes a problem. */
type Reader = (text: string, name: string, draft: Draft) => void;

interface Draft {
  readonly services: Map<string, Service>;
  readonly triggers: Map<string, readonly Condition[]>;
  readonly templates: Map<string, NotificationTemplate>;
  readonly serviceDefaultTriggers: Map<string, readonly string[]>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly problems: string[];
  subscriptions: readonly GlobalSubscription[];
  defaultTriggers: readonly string[];
}

const prefixed: readonly (readonly [prefix: string, read: Reader])[] = [
  ["service.", readService],
  ["template.", (text, name, { templates }) => templates.set(name, readTemplate(text))],
  ["trigger.", (text, name, { triggers }) => triggers.set(name, readTrigger(text))],
  [
    "defaultTriggers.",
    (text, name, draft) => draft.serviceDefaultTriggers.set(name, textsOf(parseYaml(text), "triggers")),
  ],
];

const exact: Readonly<Record<string, Reader>> = {
  subscriptions: (text, _, draft) => {
    draft.subscriptions = readSubscriptions(text);
  },
  defaultTriggers: (text, _, draft) => {
    draft.defaultTriggers = textsOf(parseYaml(text), "triggers");
  },
};

export function parseConfig(configMap: KubeObject, secret: KubeObject | null): NotificationConfig {
  const draft: Draft = {
    services: new Map(),
    triggers: new Map(),
    templates: new Map(),
    serviceDefaultTriggers: new Map(),
    secrets: secretTexts(secret),
    problems: [],
    subscriptions: [],
    defaultTriggers: [],
  };
  for (const [key, value] of Object.entries((configMap["data"] ?? {}) as Record<string, string>)) {
    const entry = prefixed.find(([prefix]) => key.startsWith(prefix));
    const read = entry?.[1] ?? (Object.hasOwn(exact, key) ? exact[key] : undefined);
    try {
      read?.(value, entry ? key.slice(entry[0].length) : key, draft);
    } catch (error) {
      if (!isMistake(error)) throw error;
      draft.problems.push(`${key}: ${redacted(error.message, draft.secrets)}`);
    }
  }
  return { namespace: configMap.metadata.namespace ?? "", ...draft };
}

function isMistake(error: unknown): error is Error {
  return error instanceof NotificationError || error instanceof TemplateError || error instanceof ExpressionError;
}

function secretTexts(secret: KubeObject | null): Readonly<Record<string, string>> {
  const data = (secret?.["data"] ?? {}) as Record<string, string>;
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString("utf8")]),
  );
}

function textsOf(value: unknown, what: string): readonly string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw new NotificationError(`expected a list of ${what}, found ${JSON.stringify(value)}`);
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {};
  if (!isRecord(value)) throw new NotificationError(`expected ${what}, found ${JSON.stringify(value)}`);
  return value;
}

// Services ------------------------------------------------------------------------------------------------------------

function readService(text: string, key: string, { services, secrets, problems }: Draft): void {
  const [type = "", name = type, ...more] = key.split(".");
  if (more.length > 0) throw new NotificationError("expected 'service.<type>' or 'service.<type>.<name>'");
  const missing = new Set<string>();
  const options = withSecrets(recordOf(parseYaml(text), "the service's options"), secrets, missing);
  for (const one of missing) problems.push(`service.${key}: the Secret has no key "${one}"`);
  services.set(name, createService(type, options as Record<string, unknown>));
}

/** `$key` anywhere in a text is the Secret's value; one that it does not have stays as it is written. */
function withSecrets(value: unknown, secrets: Readonly<Record<string, string>>, missing: Set<string>): unknown {
  if (typeof value === "string") {
    return value.replace(/\$([\w-]+)/g, (written, key: string) => {
      if (Object.hasOwn(secrets, key)) return secrets[key] as string;
      missing.add(key);
      return written;
    });
  }
  if (Array.isArray(value)) return value.map((one) => withSecrets(one, secrets, missing));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withSecrets(one, secrets, missing)]));
}

// Templates, triggers, subscriptions ----------------------------------------------------------------------------------

function readTemplate(text: string): NotificationTemplate {
  const { message = "", ...parts } = recordOf(parseYaml(text), "message and parts for services");
  if (typeof message !== "string") throw new NotificationError("message: expected a text");
  const { members } = compilePart(parts) as Extract<CompiledPart, { kind: "record" }>;
  return { message: compileTemplate(message), parts: members };
}

function compilePart(value: unknown): CompiledPart {
  if (typeof value === "string") return { kind: "template", template: compileTemplate(value) };
  if (Array.isArray(value)) return { kind: "list", items: value.map(compilePart) };
  if (!isRecord(value)) return { kind: "value", value };
  const members = Object.entries(value).map(([key, member]) => [key, compilePart(member)] as const);
  return { kind: "record", members: Object.fromEntries(members) };
}

function readTrigger(text: string): readonly Condition[] {
  const conditions = parseYaml(text);
  if (!Array.isArray(conditions)) throw new NotificationError("expected a list of {when, send, oncePer}");
  return conditions.map((one) => {
    const { when = "", oncePer = "", send } = recordOf(one, "{when, send, oncePer}");
    return {
      when: expressionOf("when", when),
      whenText: String(when ?? ""),
      oncePer: expressionOf("oncePer", oncePer),
      send: textsOf(send, "templates"),
    };
  });
}

function expressionOf(field: string, text: unknown): Expression | null {
  if (text === "" || text === null) return null;
  if (typeof text !== "string" && typeof text !== "boolean")
    throw new NotificationError(`${field}: expected an expression`);
  try {
    return compileExpression(String(text), { allowsMethods: true });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new NotificationError(`${field} "${text}": ${error.message}`);
  }
}

function readSubscriptions(text: string): readonly GlobalSubscription[] {
  const list = parseYaml(text);
  if (!Array.isArray(list)) throw new NotificationError("expected a list of {recipients, triggers, selector}");
  return list.map((one) => {
    const { recipients, triggers, selector = "" } = recordOf(one, "{recipients, triggers, selector}");
    return {
      recipients: textsOf(recipients, "recipients"),
      triggers: textsOf(triggers, "triggers"),
      matches: selectorOf(selector),
    };
  });
}

function selectorOf(text: unknown): GlobalSubscription["matches"] {
  try {
    return parseLabelSelector(String(text ?? ""));
  } catch (error) {
    throw new NotificationError(`selector "${text}": ${(error as Error).message}`);
  }
}
