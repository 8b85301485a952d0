/**
 * What the ingress controllers disagree about, as data (MESH-301, MESH-303, MESH sections 15 and 16). A dialect is
 * chosen by an Ingress's class; everything else about an Ingress is the same for all.
 */
export interface IngressDialect {
  /** Also the class that users write without an IngressClass object. */
  readonly name: "nginx" | "istio" | "mse" | "higress" | "alb";
  /** `spec.controller` of its IngressClass objects. */
  readonly controllers: readonly string[];
  /** Where its annotations are read; the first prefix that has a key counts. */
  readonly annotationPrefixes: readonly string[];
  /** What a path of type ImplementationSpecific is (MESH-301). */
  readonly implementationSpecific: "text-prefix" | "element-prefix" | "istio-wildcard";
  /** Whose canary rules it follows; null: it has none. */
  readonly canary: "nginx" | "mse" | null;
  /** A header canary with a value of its own takes `always` too (MESH-341). */
  readonly takesAlwaysBesideValue: boolean;
  /** Whose other annotations it understands. */
  readonly settings: "nginx" | "mse" | null;
  /** Rules are tried by annotation `order` before their paths are compared (MESH-350). */
  readonly isOrdered: boolean;
}

const NGINX_PREFIX = "nginx.ingress.kubernetes.io/";
const HIGRESS_PREFIX = "higress.io/";

const dialects: readonly IngressDialect[] = [
  {
    name: "nginx",
    controllers: ["k8s.io/ingress-nginx"],
    annotationPrefixes: [NGINX_PREFIX],
    implementationSpecific: "text-prefix",
    canary: "nginx",
    takesAlwaysBesideValue: false,
    settings: "nginx",
    isOrdered: false,
  },
  {
    name: "istio",
    controllers: ["istio.io/ingress-controller"],
    annotationPrefixes: [],
    implementationSpecific: "istio-wildcard",
    canary: null,
    takesAlwaysBesideValue: false,
    settings: null,
    isOrdered: false,
  },
  {
    name: "mse",
    controllers: ["mse.alibabacloud.com/ingress"],
    annotationPrefixes: ["mse.ingress.kubernetes.io/", HIGRESS_PREFIX, NGINX_PREFIX],
    implementationSpecific: "element-prefix",
    canary: "mse",
    takesAlwaysBesideValue: false,
    settings: "mse",
    isOrdered: false,
  },
  {
    name: "higress",
    controllers: ["higress.io/higress-controller"],
    annotationPrefixes: [HIGRESS_PREFIX, NGINX_PREFIX],
    implementationSpecific: "element-prefix",
    canary: "mse",
    takesAlwaysBesideValue: true,
    settings: "mse",
    isOrdered: false,
  },
  {
    name: "alb",
    controllers: ["ingress.k8s.alibabacloud/alb"],
    annotationPrefixes: ["alb.ingress.kubernetes.io/"],
    implementationSpecific: "element-prefix",
    canary: "mse",
    takesAlwaysBesideValue: false,
    settings: null,
    isOrdered: true,
  },
];

export function dialectOfController(controller: string): IngressDialect | null {
  return dialects.find(({ controllers }) => controllers.includes(controller)) ?? null;
}

export function dialectOfClassName(className: string): IngressDialect | null {
  return dialects.find(({ name }) => name === className) ?? null;
}

/** For messages. */
export const servedClassNames: readonly string[] = dialects.map(({ name }) => name);
