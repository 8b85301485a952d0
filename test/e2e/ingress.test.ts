import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { type Answer, eventually, fairway, get, type RunningFairway, root, startFairway } from "../support/fairway.ts";

/** A canary behind an Ingress of class nginx, with real kubectl and real requests (MESH section 15). */

const examples = path.join(root, "examples", "ingress");
const MAIN = '"blue"';
const CANARY = '"yellow"';

describe("the canary Ingress of the examples", () => {
  let cluster: RunningFairway;
  let load: Load;

  const ask = (headers: Readonly<Record<string, string>> = {}) =>
    get(`${cluster.instance.gateway}/color`, { host: "shop.test", ...headers });

  const annotate = (...annotations: readonly string[]) =>
    cluster.kubectlOk(
      "annotate",
      "ingress",
      "shop-canary",
      "--overwrite",
      ...annotations.map((annotation) => `nginx.ingress.kubernetes.io/${annotation}`),
    );

  before(async () => {
    cluster = await startFairway("--memory", "--packs", "istio");
    await cluster.kubectlOk("apply", "-f", path.join(examples, "shop.yaml"));
    await cluster.kubectlOk("wait", "--for=condition=Available", "deployment", "--all", "--timeout=60s");
    await eventually("the gateway serves the Ingress", ask, ({ status }) => status === 200);
    load = startLoad(ask);
  });

  after(async () => {
    await load?.stop();
    await cluster?.remove();
  });

  test("MESH-303 the Ingress shows its address, and only its host is served", async () => {
    const shown = () => cluster.kubectlOk("get", "ingress", "shop");
    await eventually("an address", shown, (text) => /^shop\s+nginx\s+shop\.test\s+127\.0\.0\.1\s+80\s/m.test(text));
    assert.equal((await ask({ host: "other.test" })).status, 404);
  });

  test("MESH-321 MC-255 MC-262 MC-263 header, then cookie, then weight", async () => {
    await cluster.kubectlOk("apply", "-f", path.join(examples, "canary.yaml"));
    await eventually(
      "the canary counts",
      () => ask({ "x-canary": "always" }),
      ({ body }) => body === CANARY,
    );
    const answers = { "x-canary: never": MAIN, "cookie: a=b; canary=always": CANARY, "cookie: canary=never": MAIN };
    for (const [line, colour] of Object.entries(answers)) {
      const [name = "", value = ""] = line.split(": ");
      for (let count = 0; count < 20; count++) assert.equal((await ask({ [name]: value })).body, colour, line);
    }
    assert.equal((await ask({ "x-canary": "never", cookie: "canary=always" })).body, MAIN);
  });

  for (const weight of [30, 70]) {
    test(`MC-264 a weight of ${weight} is the canary's share`, async () => {
      await annotate(`canary-weight=${weight}`);
      const isFollowed = (found: number) => Math.abs(found - weight) < 12;
      await eventually(`a share of ${weight} %`, () => canaryPercent(ask, 100), isFollowed);
      const found = await canaryPercent(ask, 600);
      // Four standard errors (MESH-098).
      const tolerance = 400 * Math.sqrt(((weight / 100) * (1 - weight / 100)) / 600);
      assert.ok(Math.abs(found - weight) < tolerance, `${found} % for a weight of ${weight}`);
    });
  }

  test("MESH-323 a header value can be changed while requests run", async () => {
    await annotate("canary-by-header-value=testers", "canary-weight=0");
    await eventually(
      "the new value counts",
      () => ask({ "x-canary": "testers" }),
      ({ body }) => body === CANARY,
    );
    await eventually(
      "the old one does not",
      () => ask({ "x-canary": "always" }),
      ({ body }) => body === MAIN,
    );
  });

  test("MESH-329 a canary that loses its pods gives its requests back", async () => {
    await annotate("canary-weight=100");
    await eventually(
      "all to the canary",
      () => canaryPercent(ask, 20),
      (percent) => percent === 100,
    );
    await cluster.kubectlOk("scale", "deployment", "shop-canary", "--replicas=0");
    await eventually(
      "all to main",
      () => canaryPercent(ask, 20),
      (percent) => percent === 0,
    );
    await cluster.kubectlOk("scale", "deployment", "shop-canary", "--replicas=1");
    await eventually(
      "all to the canary again",
      () => canaryPercent(ask, 20),
      (percent) => percent === 100,
    );
  });

  test("explain names the Ingress that decides", async () => {
    const { stdout, stderr } = await fairway(
      ...["explain", "--data", cluster.directory, "--host", "shop.test", "--path", "/", "-H", "x-canary: testers"],
      "--json",
    );
    assert.match(stdout, /"kind":\s*"Ingress"/, stderr);
    assert.match(stdout, /default\/shop-canary:canary-by-header-value/);
  });

  test("MESH-320 no request fails while weights change, pods go and the canary Ingress is deleted", async () => {
    await cluster.kubectlOk("delete", "ingress", "shop-canary");
    await eventually(
      "all to main",
      () => canaryPercent(ask, 30),
      (percent) => percent === 0,
    );
    await cluster.kubectlOk("delete", "deployment,service", "shop-canary");
    await eventually(
      "still all to main",
      () => canaryPercent(ask, 30),
      (percent) => percent === 0,
    );
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures.slice(0, 5), []);
    assert.ok(sent > 200, `only ${sent} requests were sent`);
  });
});

async function canaryPercent(ask: () => Promise<Answer>, requests: number): Promise<number> {
  let canary = 0;
  for (let count = 0; count < requests; count++) if ((await ask()).body === CANARY) canary++;
  return (100 * canary) / requests;
}

interface Load {
  stop(): Promise<{ readonly sent: number; readonly failures: readonly string[] }>;
}

/** One request after the other until it is stopped; everything but 200 is a failure. */
function startLoad(ask: () => Promise<Answer>): Load {
  const failures: string[] = [];
  let sent = 0;
  let isStopped = false;
  const run = async () => {
    while (!isStopped) {
      const { status, body } = await ask().catch((error: unknown) => ({ status: 0, body: String(error) }));
      sent++;
      if (status !== 200) failures.push(`${status} ${body}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const running = run();
  return {
    async stop() {
      isStopped = true;
      await running;
      return { sent, failures };
    },
  };
}
