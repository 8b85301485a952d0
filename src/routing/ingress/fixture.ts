import type { KubeObject } from "../../api/meta.ts";
import { anObject, aService, World } from "../fixture.ts";

/** Ingresses as users write them, and the services behind them. For tests only. */

export const NGINX = "nginx.ingress.kubernetes.io/";
export const MSE = "mse.ingress.kubernetes.io/";
export const ALB = "alb.ingress.kubernetes.io/";

export interface IngressFixture {
  readonly host?: string;
  /** `{"/api": "api"}`: path type Prefix unless told otherwise. Absent: `/` of `main`. */
  readonly paths?: Readonly<Record<string, string>>;
  readonly pathType?: string;
  /** "" for none. */
  readonly className?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export function anIngress(name: string, fixture: IngressFixture = {}): KubeObject {
  const { host, paths = { "/": "main" }, pathType = "Prefix", className = "nginx", annotations, spec } = fixture;
  const rule = {
    ...(host === undefined ? {} : { host }),
    http: { paths: Object.entries(paths).map(([path, service]) => ({ path, pathType, backend: toService(service) })) },
  };
  const named = className === "" ? {} : { ingressClassName: className };
  const metadata = annotations === undefined ? {} : { annotations: { ...annotations } };
  return anObject("Ingress", name, { ...named, rules: [rule], ...spec }, metadata);
}

/** `main` or `main:8080` or `main:http`. */
export function toService(text: string): Record<string, unknown> {
  const [name, port = "80"] = text.split(":");
  const reference = /^\d+$/.test(port) ? { number: Number(port) } : { name: port };
  return { service: { name, port: reference } };
}

export function anIngressClass(name: string, controller: string, isDefault = false): KubeObject {
  const annotations = isDefault ? { "ingressclass.kubernetes.io/is-default-class": "true" } : {};
  return anObject("IngressClass", name, { controller }, { annotations });
}

/** A canary Ingress of class nginx for `/`; keys without prefix. */
export function aCanary(
  name: string,
  keys: Readonly<Record<string, string>>,
  fixture: IngressFixture = {},
): KubeObject {
  return withKeys(name, NGINX, { canary: "true", ...keys }, { paths: { "/": "canary" }, ...fixture });
}

export function withKeys(
  name: string,
  prefix: string,
  keys: Readonly<Record<string, string>>,
  fixture: IngressFixture = {},
): KubeObject {
  const annotations = Object.fromEntries(Object.entries(keys).map(([key, value]) => [`${prefix}${key}`, value]));
  return anIngress(name, { ...fixture, annotations: { ...annotations, ...fixture.annotations } });
}

/** Services `main` (pod m1), `canary` (k1), `api` (a1), `empty` (no pod). */
export function ingressWorld(objects: readonly KubeObject[]): World {
  return new World(objects, [
    aService("main", [80], [{ name: "m1", labels: {} }]),
    aService("canary", [80], [{ name: "k1", labels: {} }]),
    aService("second", [80], [{ name: "k2", labels: {} }]),
    aService("api", [80], [{ name: "a1", labels: {} }]),
    aService("empty", [80], []),
    aService("two-ports", [80, 81], [{ name: "t1", labels: {} }]),
  ]);
}
