import type { Ingress, IngressClass } from "../../api/networking.ts";
import { compareText } from "../age.ts";
import { dialectOfClassName, dialectOfController, type IngressDialect, servedClassNames } from "./dialects.ts";

/** Which Ingresses the gateway serves, and as which controller would (MESH-303). */

const CLASS_ANNOTATION = "kubernetes.io/ingress.class";
const DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class";

/** The gateway proxies that serve Ingresses: Istio's `meshConfig.ingressSelector` names the same label. */
export function servesIngresses(gatewayLabels: Readonly<Record<string, string>>): boolean {
  return gatewayLabels["istio"] === "ingressgateway";
}

export type Classification =
  | { readonly className: string; readonly dialect: IngressDialect }
  /** Not served; `reason` says why. */
  | { readonly className: string; readonly dialect: null; readonly reason: string };

/** Finds the class of any Ingress among these classes. */
export function ingressClassifier(classes: readonly IngressClass[]): (ingress: Ingress) => Classification {
  const byName = new Map(classes.map((ingressClass) => [ingressClass.metadata.name, ingressClass]));
  const fallback = defaultClassName(classes);
  return ({ metadata, spec }) => {
    // The older annotation wins, as in Istio and ingress-nginx.
    const named = metadata.annotations?.[CLASS_ANNOTATION] || spec?.ingressClassName;
    const className = named || fallback;
    if (className === null) {
      const reason = "it has no ingressClassName, and no IngressClass is the default";
      return { className: "", dialect: null, reason };
    }
    const controller = byName.get(className)?.spec?.controller;
    // Users' manifests name a class that the controller's own installation brings, so that no object stands for it here.
    const dialect = controller === undefined ? dialectOfClassName(className) : dialectOfController(controller);
    return dialect === null ? { className, dialect, reason: notServed(className, controller) } : { className, dialect };
  };
}

function notServed(className: string, controller: string | undefined): string {
  return controller === undefined
    ? `its class ${className} has no IngressClass and is none of ${servedClassNames.join(", ")}`
    : `its class ${className} belongs to controller ${controller}`;
}

/** The newest of several, as the API server's admission takes it. */
function defaultClassName(classes: readonly IngressClass[]): string | null {
  const defaults = classes.filter(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === "true");
  defaults.sort(
    ({ metadata: left }, { metadata: right }) =>
      compareText(right.creationTimestamp ?? "", left.creationTimestamp ?? "") || compareText(left.name, right.name),
  );
  return defaults[0]?.metadata.name ?? null;
}
