import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { startWorld } from "../../test/support/world.ts";
import { rulesEngine } from "../cluster/apiserver/lazy-rules.ts";
import type { Schema } from "../cluster/apiserver/resource.ts";
import { hasValidationRules } from "../cluster/apiserver/schema/index.ts";
import { packs } from "./index.ts";

interface CrdVersion {
  readonly name: string;
  readonly schema: { readonly openAPIV3Schema: Schema };
}

function isEngineLoaded(): boolean {
  return Object.keys(createRequire(import.meta.url).cache).some((file) => file.endsWith("apiserver/rules/index.ts"));
}

test("K8S-157 a cluster with all packs starts without the engine of CEL rules, which the first object with rules loads", async () => {
  const world = await startWorld({ packs, builtinControllers: false });
  assert.equal(isEngineLoaded(), false);
  const route = "{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r }, spec: SPEC }";
  const bad = route.replace("SPEC", "{ rules: [{ backendRefs: [{ name: web }] }] }");
  await assert.rejects(world.apply(bad), /port is required/);
  assert.equal(isEngineLoaded(), true);
  await world.stop();
});

for (const { name, crds } of packs) {
  test(`K8S-157 the rules of pack ${name} are in order`, () => {
    for (const crd of crds) {
      for (const { schema } of (crd["spec"] as { versions: readonly CrdVersion[] }).versions) {
        const { openAPIV3Schema } = schema;
        if (!hasValidationRules(openAPIV3Schema)) continue;
        assert.deepEqual(rulesEngine().checkRules(openAPIV3Schema, crd.metadata.name), []);
      }
    }
  });
}
