import type { LabelSelector } from "../../../api/meta.ts";
import { isRecord } from "../../../base/json.ts";
import { type RouteWord, routeWords } from "../../../traffic/gateway-api/kinds.ts";
import type { TrafficRouting } from "../types.ts";

/** The name under which manifests configure the Gateway API: a plugin of the original, built in here (ARC-406). */
export const GATEWAY_PLUGIN = "argoproj-labs/gatewayAPI";

export interface GatewayConfig {
  readonly routes: readonly { readonly word: RouteWord; readonly name: string; readonly usesHeaderRoutes: boolean }[];
  readonly selectors: readonly { readonly word: RouteWord; readonly selector: LabelSelector }[];
  /** Absent: the Rollout's. */
  readonly namespace?: string;
  readonly inProgressLabel: { readonly key: string; readonly value: string } | null;
}

const LABEL = { key: "rollouts.argoproj.io/gatewayapi-canary", value: "in-progress" } as const;
const NO_ROUTES =
  "No routes configured. At least one of 'httpRoutes', 'grpcRoutes', 'tcpRoutes', 'tlsRoutes', 'httpRoute', " +
  "'grpcRoute', 'tcpRoute' or 'tlsRoute' must be set";

/** A text, or what is wrong with the member. */
const OPTIONS = {
  namespace: "string",
  disableInProgressLabel: "boolean",
  inProgressLabelKey: "string",
  inProgressLabelValue: "string",
} as const;

const MEMBERS: ReadonlySet<string> = new Set([
  ...routeWords.flatMap((word) => [word, `${word}s`, `${word}Selector`]),
  ...Object.keys(OPTIONS),
]);

/** Null: not configured. A text says what is wrong with it. */
export function gatewayConfig(routing: TrafficRouting | undefined): GatewayConfig | string | null {
  const config = routing?.plugins?.[GATEWAY_PLUGIN];
  if (config === undefined) return null;
  if (!isRecord(config)) return "must be an object";
  const unknown = Object.keys(config).find((member) => !MEMBERS.has(member));
  if (unknown !== undefined) return `unknown member ${JSON.stringify(unknown)}; known are ${[...MEMBERS].join(", ")}`;
  const wrong = Object.entries(OPTIONS).find(
    ([member, type]) => config[member] !== undefined && typeof config[member] !== type,
  );
  if (wrong) return `${wrong[0]} must be a ${wrong[1]}`;
  const routes: GatewayConfig["routes"][number][] = [];
  const selectors: GatewayConfig["selectors"][number][] = [];
  for (const word of routeWords) {
    const problem = readWord(config, word, routes, selectors);
    if (problem !== null) return problem;
  }
  if (routes.length === 0 && selectors.length === 0) return NO_ROUTES;
  const namespace = config["namespace"] as string | undefined;
  return {
    routes,
    selectors,
    ...(namespace ? { namespace } : {}),
    inProgressLabel:
      config["disableInProgressLabel"] === true
        ? null
        : {
            key: (config["inProgressLabelKey"] as string | undefined) || LABEL.key,
            value: (config["inProgressLabelValue"] as string | undefined) || LABEL.value,
          },
  };
}

function readWord(
  config: Record<string, unknown>,
  word: RouteWord,
  routes: GatewayConfig["routes"][number][],
  selectors: GatewayConfig["selectors"][number][],
): string | null {
  const { [`${word}s`]: many = [], [word]: one, [`${word}Selector`]: selector } = config;
  if (!Array.isArray(many)) return `${word}s must be a list`;
  for (const [index, entry] of many.entries()) {
    if (!isRecord(entry) || typeof entry["name"] !== "string" || entry["name"] === "") {
      return `${word}s[${index}].name is required`;
    }
    routes.push({ word, name: entry["name"], usesHeaderRoutes: entry["useHeaderRoutes"] === true });
  }
  if (one !== undefined && typeof one !== "string") return `${word} must be a string`;
  if (one) routes.push({ word, name: one, usesHeaderRoutes: true });
  if (selector === undefined) return null;
  if (!isRecord(selector)) return `${word}Selector must be a label selector`;
  selectors.push({ word, selector: selector as LabelSelector });
  return null;
}
