import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, get, type RunningFairway, root, startFairway } from "../support/fairway.ts";

/** Argo canaries behind an Ingress and behind an HTTPRoute: kubectl writes, the gateway answers, no request is lost. */

const EXAMPLES = path.join(root, "examples", "argo");

describe("the examples of Argo's routers besides Istio", () => {
  let cluster: RunningFairway;
  let load: ReturnType<typeof setInterval> | undefined;
  const failed: string[] = [];
  let sent = 0;

  before(async () => {
    cluster = await startFairway("--memory", "--packs", "istio,argo,gateway-api");
    await cluster.kubectlOk("apply", "-f", path.join(EXAMPLES, "nginx"), "-f", path.join(EXAMPLES, "gateway-api"));
    for (const name of ["checkout", "catalogue"]) {
      await untilMessage(name, undefined);
      await eventually(
        `${name} answers`,
        () => get(url(), { host: `${name}.test` }),
        ({ status }) => status === 200,
      );
    }
    load = setInterval(() => {
      for (const host of ["checkout.test", "catalogue.test"]) void count(host);
    }, 25);
  });
  after(async () => {
    clearInterval(load);
    await cluster?.remove();
  });

  const url = () => `${cluster.instance.gateway}/color`;

  async function count(host: string): Promise<void> {
    sent++;
    const { status, body } = await get(url(), { host });
    if (status !== 200) failed.push(`${host} ${status} ${body}`);
  }

  const statusOf = async (name: string) =>
    JSON.parse(await cluster.kubectlOk("get", "rollouts.argoproj.io", name, "-o", "json")).status ?? {};

  function untilMessage(name: string, message: string | undefined): Promise<unknown> {
    return eventually(
      `${name} says ${message ?? "nothing"}`,
      () => statusOf(name),
      (status) => status.message === message && status.phase !== undefined,
    );
  }

  async function share(host: string, colour: string): Promise<number> {
    let found = 0;
    for (let round = 0; round < 30; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(url(), { host })));
      found += answers.filter(({ body }) => body === `"${colour}"`).length;
    }
    return found / 600;
  }

  async function setImage(name: string, colour: string): Promise<void> {
    const containers = [
      { name: "app", image: `argoproj/rollouts-demo:${colour}`, ports: [{ name: "http", containerPort: 8080 }] },
    ];
    const patch = JSON.stringify({ spec: { template: { spec: { containers } } } });
    await cluster.kubectlOk("patch", "rollouts.argoproj.io", name, "--type=merge", "-p", patch);
  }

  const promote = (name: string) =>
    cluster.kubectlOk(
      "patch",
      "rollouts.argoproj.io",
      name,
      "--subresource=status",
      "--type=merge",
      "-p",
      '{"status":{"pauseConditions":null}}',
    );

  test("ARC-406 an HTTPRoute: testers first, then a share, then back", { timeout: 60_000 }, async () => {
    await setImage("catalogue", "yellow");
    await untilMessage("catalogue", "CanaryPauseStep");
    const tester = await get(url(), { host: "catalogue.test", "x-tester": "yes" });
    assert.equal(tester.body, '"yellow"');
    assert.equal(await share("catalogue.test", "yellow"), 0);
    await promote("catalogue");
    await eventually(
      "the canary has its share",
      () => statusOf("catalogue"),
      ({ message, canary }) => message === "CanaryPauseStep" && canary?.weights?.canary?.weight === 30,
    );
    const measured = await share("catalogue.test", "yellow");
    assert.ok(measured > 0.2 && measured < 0.4, `30 % are ${measured * 100} %`);
    const gone = await get(url(), { host: "catalogue.test", "x-tester": "yes" });
    assert.equal(gone.status, 200);
    const abort = JSON.stringify({ status: { abort: true } });
    await cluster.kubectlOk(
      "patch",
      "rollouts.argoproj.io",
      "catalogue",
      "--subresource=status",
      "--type=merge",
      "-p",
      abort,
    );
    await eventually(
      "weight 0 is in force",
      () => statusOf("catalogue"),
      ({ phase, canary }) => phase === "Degraded" && canary?.weights?.canary?.weight === 0,
    );
    assert.equal(await share("catalogue.test", "yellow"), 0);
  });

  test("ARC-400 an Ingress of nginx: five thousandths, a header, a quarter", { timeout: 60_000 }, async () => {
    await setImage("checkout", "yellow");
    await untilMessage("checkout", "CanaryPauseStep");
    const next = await get(url(), { host: "checkout.test", "x-checkout-next": "always" });
    assert.equal(next.body, '"yellow"');
    assert.ok((await share("checkout.test", "yellow")) < 0.03);
    await eventually(
      "a quarter",
      () => statusOf("checkout"),
      ({ message, canary }) => message === "CanaryPauseStep" && canary?.weights?.canary?.weight === 250,
      30,
    );
    const measured = await share("checkout.test", "yellow");
    assert.ok(measured > 0.17 && measured < 0.33, `25 % are ${measured * 100} %`);
  });

  test("ARC-901 a kind that is not installed is named in the status", async () => {
    const patch = [{ op: "add", path: "/spec/strategy/canary/trafficRouting/smi", value: {} }];
    await cluster.kubectlOk("patch", "rollouts.argoproj.io", "catalogue", "--type=json", "-p", JSON.stringify(patch));
    await eventually(
      "the condition is there",
      () => statusOf("catalogue"),
      ({ conditions = [] }) =>
        conditions.some(
          ({ type, message }: { type: string; message: string }) =>
            type === "TrafficRoutingError" && message.includes("trafficsplits.split.smi-spec.io is not served"),
        ),
    );
  });

  test("INV-01 INV-09 no request failed meanwhile", () => {
    assert.ok(sent > 100, String(sent));
    assert.deepEqual(failed, []);
  });
});
