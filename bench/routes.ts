import type { KubeObject } from "../src/api/meta.ts";
import { compile } from "../src/routing/compile.ts";
import { decide } from "../src/routing/decide.ts";
import { aService, configOf, factsOf } from "../src/routing/fixture.ts";
import { aGateway, aRoute, istioClass, path, to } from "../src/routing/gateway-api/fixture.ts";
import { anIngress } from "../src/routing/ingress/fixture.ts";
import type { RoutingConfig, Table } from "../src/routing/types.ts";
import type { Bench } from "./bench.ts";

const ROUTES = 2000;
/** The first compiles are slow ones; the median of the rest counts. */
const RUNS = 7;

/**
 * What a change costs the proxy when there are many routes, each with a host and a service of its own. While it compiles
 * it answers nobody, so this is the longest pause of every request.
 */
export const routesBench: Bench = {
  name: "routes",
  measures: `compiling the table after a change, ${ROUTES} routes, median of ${RUNS}, milliseconds of CPU`,
  async run(report) {
    const kinds: [string, (index: number) => KubeObject, "httpRoutes" | "ingresses"][] = [
      ["HTTPRoute", httpRoute, "httpRoutes"],
      ["HTTPRoute, wildcards", (index) => httpRoute(index, "*."), "httpRoutes"],
      ["Ingress", ingress, "ingresses"],
    ];
    const rows = kinds.map(([name, routeAt, list]) => {
      const objects = Array.from({ length: ROUTES }, (_, index) => routeAt(index));
      const services = objects.map((_, index) => aService(`s${index}`, [80], [{ name: `p${index}`, labels: {} }]));
      const config = configOf(services, [istioClass, aGateway(), ...objects]);
      return [name, ...[touch("endpointSlices"), touch("services"), touch(list)].map((change) => cost(config, change))];
    });
    report.table(["", "EndpointSlice", "Service, same ports", "route"], rows);
  },
};

const httpRoute = (index: number, wildcard = "") =>
  aRoute(
    [{ matches: [path("/p")], backendRefs: [to(`s${index}`)] }],
    { hostnames: [`${wildcard}h${index}.test`] },
    { name: `r${index}` },
  );

const ingress = (index: number) => anIngress(`i${index}`, { host: `h${index}.test`, paths: { "/p": `s${index}` } });

type Change = (config: RoutingConfig, run: number) => RoutingConfig;

/** A new object with the old one's spec takes the place of the first of a list, as after an update. */
function touch(list: "endpointSlices" | "services" | "httpRoutes" | "ingresses"): Change {
  return (config, run) => {
    const [first, ...others] = config[list] as readonly [KubeObject, ...KubeObject[]];
    return { ...config, [list]: [{ ...first, metadata: { ...first.metadata, resourceVersion: `${run}` } }, ...others] };
  };
}

function cost(first: RoutingConfig, change: Change): string {
  let config = first;
  let table: Table = compile(config);
  const milliseconds: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    config = change(config, run);
    const before = process.cpuUsage();
    table = compile(config, table);
    decide(table, factsOf({ host: "h1.test", path: "/p" })); // The gateway's virtual hosts are made for the first request.
    const { user, system } = process.cpuUsage(before);
    if (run > 0) milliseconds.push((user + system) / 1000);
  }
  return milliseconds.sort((left, right) => left - right)[Math.floor(RUNS / 2)]!.toFixed(0);
}
