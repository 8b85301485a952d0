import type { HttpRoute } from "../../api/gateway-api.ts";
import { formatKey } from "../../kube/resource.ts";
import type { RoutedService } from "../services.ts";
import type { CompiledRoute } from "../virtual-service.ts";
import type { ParentVerdict } from "./attach.ts";
import { comparePrecedence } from "./precedence.ts";
import { compileHttpRoute } from "./route.ts";
import type { RuleVerdict } from "./rules.ts";

/** An HTTPRoute with all that was decided about it. */
export interface JudgedRoute {
  readonly route: HttpRoute;
  readonly parents: readonly ParentVerdict[];
  readonly rules: readonly RuleVerdict[];
}

/**
 * Routes with a Service as parent (MESH-360): calls of pods to it obey them, whatever `hostnames` says. Those in the
 * Service's own namespace hold for every caller, those in another for callers there, who have no others then.
 */
export class MeshRoutes {
  readonly #byService: ReadonlyMap<string, readonly ServiceRoute[]>;

  constructor(routes: readonly JudgedRoute[]) {
    const all = routes.flatMap((judged) =>
      judged.parents.flatMap(({ service }): ServiceRoute[] => (service === null ? [] : [{ judged, ...service }])),
    );
    this.#byService = Map.groupBy(all, ({ key }) => formatKey(key));
  }

  /** Null: the service has no routes on this port. */
  of({ namespace, name }: RoutedService, port: number, clientNamespace: string): readonly CompiledRoute[] | null {
    const onPort = (this.#byService.get(`${namespace}/${name}`) ?? []).filter(
      (route) => route.port === null || route.port === port,
    );
    const inNamespace = (wanted: string) =>
      new Set(onPort.map(({ judged }) => judged).filter(({ route }) => route.metadata.namespace === wanted));
    const callers = inNamespace(clientNamespace);
    const judged = [...(callers.size > 0 ? callers : inNamespace(namespace))];
    if (judged.length === 0) return null;
    return judged
      .flatMap(({ route, rules }) => compileHttpRoute(route, rules, port))
      .map((ranked) => ({ ...ranked, own: "*" }))
      .sort(comparePrecedence)
      .map(({ route }) => route);
  }
}

interface ServiceRoute {
  readonly judged: JudgedRoute;
  readonly key: { readonly namespace: string; readonly name: string };
  readonly port: number | null;
}
