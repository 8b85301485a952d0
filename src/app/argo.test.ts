import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/support/world.ts";
import { silentLogger } from "../base/log.ts";
import { resources } from "../kube/resource.ts";
import { argoPack } from "../packs/argo.ts";
import { istioPack } from "../packs/istio.ts";
import { createArgo } from "./argo.ts";

const build = { version: "1", runtime: "node", architecture: "x64", commit: "" };

function aRollout(name: string) {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i:1" }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template, strategy: { canary: {} } };
  return { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata: { name }, spec };
}

test("ARC-804 INV-34 of two elected processes one acts, and the other goes on where it ended", async () => {
  const world = await startWorld({ packs: [istioPack, argoPack] });
  const { client, clock, random } = world;
  const start = async () => {
    const argo = createArgo({
      ...{ client, clock, random, logger: silentLogger, environment: {}, instanceId: "", build },
      ...{ isElected: true, isSelfServiceNotified: false },
    });
    assert.deepEqual(argo.controllers, [], "the cluster's own runner has none of them");
    const stop = await argo.start({ prometheus: "http://127.0.0.1:1", caches: world.caches });
    const turns = () => Number(/^rollout_reconcile_count\{.*name="web"\} (\d+)$/m.exec(argo.metrics())?.[1] ?? 0);
    return { argo, stop, turns };
  };
  const phaseOf = async (name: string) => {
    const rollout = await world.get(resources.argoRollouts, { namespace: "default", name });
    return (rollout?.["status"] as { phase?: string } | undefined)?.phase;
  };
  const first = await start();
  await world.advance(3000);
  const second = await start();
  await world.apply(aRollout("web"));
  await world.advance(30_000);
  assert.equal(await phaseOf("web"), "Healthy");
  assert.ok(first.turns() > 0);
  assert.equal(second.turns(), 0);
  assert.doesNotMatch(second.argo.metrics(), /rollout_info/, "a process that waits has no caches to read off");
  await first.stop();
  await world.apply(aRollout("later"));
  await world.advance(5000);
  assert.equal(await phaseOf("later"), undefined, "the lease still counts");
  await world.advance(30_000);
  assert.equal(await phaseOf("later"), "Healthy");
  assert.match(second.argo.metrics(), /rollout_info\{namespace="default",name="web"/);
  await second.stop();
  await world.stop();
});
