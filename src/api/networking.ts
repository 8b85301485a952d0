import type { KubeObject } from "./meta.ts";

/** Kubernetes' own ingress objects as far as our code reads them (networking.k8s.io/v1). */

export interface IngressBackend {
  service?: { name?: string; port?: { name?: string; number?: number } };
  /** A backend of another kind. */
  resource?: unknown;
}

export interface IngressPath {
  path?: string;
  pathType?: string;
  backend?: IngressBackend;
}

export interface Ingress extends KubeObject {
  spec?: {
    ingressClassName?: string;
    defaultBackend?: IngressBackend;
    tls?: { hosts?: string[]; secretName?: string }[];
    rules?: { host?: string; http?: { paths?: IngressPath[] } }[];
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string; ports?: unknown[] }[] } };
}

export interface IngressClass extends KubeObject {
  spec?: { controller?: string };
}
