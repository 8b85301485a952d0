import type { Ingress, IngressBackend } from "../../api/networking.ts";
import type { RouteReference } from "../types.ts";
import { type Annotations, readAnnotations } from "./annotations.ts";
import type { IngressDialect } from "./dialects.ts";

/** An Ingress that the gateway serves. */
export interface ServedIngress {
  readonly object: Ingress;
  readonly className: string;
  readonly dialect: IngressDialect;
  readonly annotations: Annotations;
  readonly isCanary: boolean;
}

/** One path of one host of an Ingress, or its default backend: what nginx calls a location. */
export interface Location {
  readonly ingress: ServedIngress;
  /** In lower case; `*` for every host that no Ingress names. */
  readonly host: string;
  /** Null: the default backend, for what no path takes. */
  readonly path: LocationPath | null;
  readonly backend: IngressBackend;
  /** The place in the object, for people. */
  readonly place: string;
}

export interface LocationPath {
  readonly text: string;
  readonly type: "Exact" | "Prefix" | "ImplementationSpecific";
}

export function serveIngress(object: Ingress, className: string, dialect: IngressDialect): ServedIngress {
  const annotations = readAnnotations(object.metadata.annotations, dialect);
  const isCanary = dialect.canary !== null && annotations.isTrue("canary");
  return { object, className, dialect, annotations, isCanary };
}

/** All locations of an Ingress, in its own order; a default backend also stands behind each host that has rules. */
export function locationsOf(ingress: ServedIngress): readonly Location[] {
  const { rules, defaultBackend } = ingress.object.spec ?? {};
  const locations: Location[] = [];
  const withDefault = new Set<string>();
  const addDefault = (host: string) => {
    if (!defaultBackend || withDefault.has(host)) return;
    withDefault.add(host);
    locations.push({ ingress, host, path: null, backend: defaultBackend, place: "spec.defaultBackend" });
  };
  (rules ?? []).forEach((rule, ruleIndex) => {
    const host = rule?.host ? rule.host.toLowerCase() : "*";
    (rule?.http?.paths ?? []).forEach((item, pathIndex) => {
      const type = item?.pathType === "Exact" || item?.pathType === "Prefix" ? item.pathType : "ImplementationSpecific";
      const path = { text: item?.path || "/", type } as const;
      const place = `spec.rules[${ruleIndex}].http.paths[${pathIndex}]`;
      locations.push({ ingress, host, path, backend: item?.backend ?? {}, place });
    });
    addDefault(host);
  });
  addDefault("*");
  return locations;
}

/** Locations of equal keys claim the same requests (MESH-306). */
export function locationKey({ host, path }: Location): string {
  return path === null ? `${host} default` : `${host} ${path.type} ${path.text}`;
}

/** For messages: `host a.test, Prefix /api`. */
export function describeLocation({ host, path }: Location): string {
  const where = host === "*" ? "any host" : `host ${host}`;
  return path === null ? `${where}, default backend` : `${where}, ${path.type} ${path.text}`;
}

export function ingressName({ object }: ServedIngress): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

/** `rule` names what in the Ingress decided, such as `canary-by-header`; "": its path alone. */
export function referenceTo({ ingress, place }: Location, rule: string): RouteReference {
  const { namespace = "", name } = ingress.object.metadata;
  return {
    virtualService: null,
    object: { kind: "Ingress", namespace, name, path: place },
    httpIndex: 0,
    matchIndex: null,
    name: rule === "" ? ingressName(ingress) : `${ingressName(ingress)}:${rule}`,
  };
}
