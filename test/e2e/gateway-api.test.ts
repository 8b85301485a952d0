import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, fairway, get, type RunningFairway, root, startFairway } from "../support/fairway.ts";

/** Gateway API as its users drive it: kubectl writes, the gateway answers, the status tells. */

const examples = path.join(root, "examples", "gateway-api");
const HOST = "colour.test";

describe("the example of Gateway API", () => {
  let cluster: RunningFairway;

  before(async () => {
    cluster = await startFairway();
    await cluster.kubectlOk("apply", "-f", examples);
    for (const name of ["colour-stable", "colour-canary"]) {
      await cluster.kubectlOk("rollout", "status", `deployment/${name}`, "--timeout=60s");
    }
    await cluster.kubectlOk("wait", "--for=condition=Programmed", "gtw/colours", "--timeout=30s");
    await cluster.kubectlOk(
      "wait",
      "--for=jsonpath={.status.parents[0].conditions[0].status}=True",
      "httproute/colour",
    );
    await eventually(
      "the gateway answers",
      () => get(url(), { host: HOST }),
      ({ status }) => status === 200,
    );
  });
  after(() => cluster?.remove());

  const url = () => `${cluster.instance.gateway}/color`;

  async function colours(count: number, headers: Record<string, string> = {}): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let sent = 0; sent < count; sent += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(url(), { host: HOST, ...headers })));
      for (const { status, body } of answers) {
        const key = `${status} ${body}`;
        counts[key] = (counts[key] ?? 0) + 1;
      }
    }
    return counts;
  }

  /** What an Argo or Kruise traffic provider does to a route. */
  async function setWeights(stable: number, canary: number): Promise<void> {
    const patch = [
      { op: "replace", path: "/spec/rules/1/backendRefs/0/weight", value: stable },
      { op: "replace", path: "/spec/rules/1/backendRefs/1/weight", value: canary },
    ];
    await cluster.kubectlOk("patch", "httproute", "colour", "--type=json", "-p", JSON.stringify(patch));
  }

  test("MC-293 MESH-363 the canary gets its tenth, the tester's header always the canary", async () => {
    const counts = await colours(600);
    assert.equal((counts['200 "blue"'] ?? 0) + (counts['200 "yellow"'] ?? 0), 600, JSON.stringify(counts));
    const share = (counts['200 "yellow"'] ?? 0) / 600;
    assert.ok(Math.abs(share - 0.1) < 4 * Math.sqrt(0.09 / 600), `share ${share}`);
    assert.deepEqual(await colours(40, { "x-canary": "true" }), { '200 "yellow"': 40 });
    assert.equal((await get(url(), { host: "other.test" })).status, 404);
  });

  test("INV-03 MESH-363 weights that kubectl changes take effect without a failed request", async () => {
    const answers = new Set<string>();
    let isOver = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const { status, body } = await get(url(), { host: HOST });
        answers.add(`${status} ${body}`);
      }
    });
    for (const canary of [20, 50, 80, 100]) await setWeights(100 - canary, canary);
    await eventually(
      "every request goes to the canary",
      () => colours(100),
      (counts) => counts['200 "yellow"'] === 100,
    );
    await setWeights(100, 0);
    await eventually(
      "every request goes back",
      () => colours(100),
      (counts) => counts['200 "blue"'] === 100,
    );
    isOver = true;
    await Promise.all(load);
    assert.deepEqual([...answers].sort(), ['200 "blue"', '200 "yellow"']);
  });

  test("MESH-368 the status tells what is wrong, and kubectl shows it", async () => {
    const broken = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: broken }
spec:
  parentRefs: [{ name: colours }]
  hostnames: [broken.test]
  rules:
    - backendRefs: [{ name: nobody, port: 80 }]
`;
    const applied = await cluster.kubectlInput(broken, "apply", "-f", "-");
    assert.equal(applied.exitCode, 0, applied.stderr);
    const resolved = '{.status.parents[0].conditions[?(@.type=="ResolvedRefs")].reason}';
    await cluster.kubectlOk("wait", `--for=jsonpath=${resolved}=BackendNotFound`, "httproute/broken", "--timeout=30s");
    await eventually(
      "its requests get 500",
      () => get(url(), { host: "broken.test" }),
      ({ status }) => status === 500,
    );
    const shown = await cluster.kubectlOk("get", "gatewayclass,gtw,httproute");
    assert.match(shown, /gatewayclass\S+\/istio +istio.io\/gateway-controller +True/);
    assert.match(shown, /gateway\S+\/colours +istio +127\.0\.0\.1 +True/);
    assert.match(shown, /httproute\S+\/colour +\["colour\.test"\]/);
    const attached = await cluster.kubectlOk(
      "get",
      "gtw",
      "colours",
      "-o",
      "jsonpath={.status.listeners[0].attachedRoutes}",
    );
    assert.equal(attached, "2");
  });

  test("MESH-031 a listener on another port is open where the status says, as soon as it says so", async () => {
    const listener = { name: "other", port: 8081, protocol: "HTTP" };
    const patch = JSON.stringify([{ op: "add", path: "/spec/listeners/-", value: listener }]);
    await cluster.kubectlOk("patch", "gtw", "colours", "--type=json", "-p", patch);
    const condition = '{.status.conditions[?(@.type=="Programmed")]';
    await cluster.kubectlOk(
      "wait",
      `--for=jsonpath=${condition}.observedGeneration}=2`,
      "gtw/colours",
      "--timeout=30s",
    );
    await cluster.kubectlOk("wait", "--for=condition=Programmed", "gtw/colours", "--timeout=30s");
    const message = await cluster.kubectlOk("get", "gtw", "colours", "-o", `jsonpath=${condition}.message}`);
    const [, place] = /port 8081 at (127\.0\.0\.1:\d+)/.exec(message) ?? [];
    assert.equal((await get(`http://${place}/color`, { host: HOST })).status, 200, message);
  });

  test("LANE-900 explain names the HTTPRoute and its rule", async () => {
    const { stdout } = await fairway("explain", "--data", cluster.directory, "--host", HOST, "-H", "x-canary: true");
    assert.match(stdout, /gateway -> colour-canary .* HTTPRoute default\/colour rules\[0\]\.matches\[0\]/);
  });

  test("MESH-360 without its Gateway the port closes to the route at once", async () => {
    await cluster.kubectlOk("delete", "gtw", "colours");
    await eventually(
      "nobody answers for the host",
      () =>
        get(url(), { host: HOST }).catch((error: NodeJS.ErrnoException) => ({ status: 0, body: String(error.code) })),
      ({ status, body }) => status === 404 || body === "ECONNREFUSED",
    );
  });
});
