import type { Ingress, IngressPath } from "../../api/networking.ts";
import { deepEqual } from "../../base/json.ts";
import { resources } from "../../kube/resource.ts";
import { hasRuleFor, serviceOfPath } from "../ingress-rules.ts";
import type { Release } from "../parties.ts";
import {
  type Decision,
  type HeaderRoute,
  joined,
  NOTHING,
  type Router,
  type RouterEvent,
  refused,
  type Wish,
} from "../router.ts";
import {
  BOOKKEEPING,
  bookkeeping,
  canaryAction,
  conditionsOf,
  type ForwardSettings,
  parse,
  STICKINESS_SECONDS,
  shareOf,
  splitAction,
} from "./annotations.ts";

export interface AlbSettings extends ForwardSettings {
  readonly release: Release;
  readonly prefix: string;
  /** The name in the Ingress' rules whose action is the split. */
  readonly rootService: string;
  readonly total: number;
  readonly managedNames: ReadonlySet<string>;
}

export interface AlbIngress {
  readonly name: string;
  readonly object: Ingress | null;
}

/** AWS Application Load Balancer: a forward action in an annotation of the user's Ingress (ARC-401). */
export function albRouter(ingresses: readonly AlbIngress[], settings: AlbSettings): Router {
  const { prefix, rootService, parties, total, managedNames } = settings;
  const actions = ingresses.map(({ object }) => object?.metadata.annotations?.[`${prefix}/actions.${rootService}`]);
  const paths = ingresses.flatMap(({ object }) => pathsOf(object).map(serviceOfPath));
  return {
    name: "alb",
    usesServices: true,
    carriers: ingresses.map(({ object }) => ({ type: resources.ingresses, object })),
    share: Math.max(0, ...actions.map((action) => shareOf(action, parties, total))),
    standing: new Set(paths.filter((service) => managedNames.has(service))),
    decide: (wish) => joined(ingresses.map((ingress) => decide(ingress, settings, wish))),
  };
}

function pathsOf(object: Ingress | null): readonly IngressPath[] {
  return (object?.spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
}

function decide({ name, object }: AlbIngress, settings: AlbSettings, wish: Wish): Decision {
  const { rootService, stickinessSeconds: seconds, managedNames } = settings;
  if (!object) return refused(`ingress.networking.k8s.io "${name}" not found`);
  if (!hasRuleFor(object, rootService)) return refused(`ingress does not have service \`${rootService}\` in rules`);
  if (seconds !== null && (seconds < STICKINESS_SECONDS.min || seconds > STICKINESS_SECONDS.max)) {
    return refused("TargetGroupStickinessConfig's duration must be between 1 and 604800 seconds (7 days)!");
  }
  const headers = wish.managed.filter((route): route is HeaderRoute => route.kind === "header");
  const annotations = annotationsOf(object, headers, settings, wish);
  if (annotations === null) return refused(`annotation ${BOOKKEEPING} of ingress \`${name}\` cannot be read`);
  const rules = (object.spec?.rules ?? []).map((rule) =>
    rule.http
      ? { ...rule, http: { ...rule.http, paths: withHeaderPaths(rule.http.paths ?? [], headers, managedNames) } }
      : rule,
  );
  const edited: Ingress = {
    ...object,
    metadata: { ...object.metadata, annotations },
    spec: { ...object.spec, ...(object.spec?.rules ? { rules } : {}) },
  };
  if (deepEqual(edited, object)) return NOTHING;
  const events = eventsOf(object, edited, headers, settings, wish);
  return { writes: [{ op: "update", type: resources.ingresses, object: edited }], events, problem: null };
}

/** Null: the bookkeeping is not ours to read. */
function annotationsOf(
  { metadata }: Ingress,
  headers: readonly HeaderRoute[],
  settings: AlbSettings,
  wish: Wish,
): Record<string, string> | null {
  const { prefix, rootService, release, managedNames } = settings;
  const present = { ...metadata.annotations };
  const books = bookkeeping(present[BOOKKEEPING]);
  if (books === null) return null;
  const wanted = new Map<string, unknown>([[`${prefix}/actions.${rootService}`, splitAction(settings, wish)]]);
  for (const route of headers) {
    wanted.set(`${prefix}/actions.${route.name}`, canaryAction(settings));
    wanted.set(`${prefix}/conditions.${route.name}`, conditionsOf(route));
  }
  for (const name of managedNames) {
    for (const key of [`${prefix}/actions.${name}`, `${prefix}/conditions.${name}`]) {
      if (!wanted.has(key)) delete present[key];
    }
  }
  // The text of what says the same already stays as somebody has written it.
  for (const [key, value] of wanted) if (!deepEqual(parse(present[key]), value)) present[key] = JSON.stringify(value);
  const own = { ...books, [release.name]: [...wanted.keys()] };
  if (!deepEqual(books, own)) present[BOOKKEEPING] = JSON.stringify(own);
  return present;
}

/** Header routes come first, in their order. */
function withHeaderPaths(
  paths: readonly IngressPath[],
  headers: readonly HeaderRoute[],
  managedNames: ReadonlySet<string>,
): IngressPath[] {
  const others = paths.filter((path) => !managedNames.has(serviceOfPath(path)));
  return [...headers.map(({ name }) => headerPath(name)), ...others];
}

function headerPath(name: string): IngressPath {
  return {
    path: "/*",
    pathType: "ImplementationSpecific",
    backend: { service: { name, port: { name: "use-annotation" } } },
  };
}

function eventsOf(
  before: Ingress,
  after: Ingress,
  headers: readonly HeaderRoute[],
  { prefix, rootService, managedNames }: AlbSettings,
  { weight }: Wish,
): RouterEvent[] {
  const reason = "PatchingALBIngress";
  const subject = `Updating Ingress \`${before.metadata.name}\``;
  const standing = (object: Ingress) => new Set(pathsOf(object).map(serviceOfPath));
  const [had, has] = [standing(before), standing(after)];
  const added = headers.filter(({ name }) => !had.has(name));
  const isEmptied = [...managedNames].some((name) => had.has(name)) && ![...managedNames].some((name) => has.has(name));
  const key = `${prefix}/actions.${rootService}`;
  const isWeightSet = before.metadata.annotations?.[key] !== after.metadata.annotations?.[key];
  return [
    ...added.map(({ name }) => ({ reason, message: `${subject} to headerRoute '${name}'` })),
    ...(isEmptied ? [{ reason, message: `${subject} removing managed routes` }] : []),
    ...(isWeightSet ? [{ reason, message: `${subject} to desiredWeight '${weight}'` }] : []),
  ];
}
