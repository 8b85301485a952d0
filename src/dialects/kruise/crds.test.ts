import assert from "node:assert/strict";
import { test } from "node:test";
import { kruisePack } from "../../packs/kruise.ts";
import { kruiseCrds } from "./crds.ts";

interface CrdSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: { readonly plural: string; readonly shortNames?: string[]; readonly categories?: string[] };
  readonly versions: readonly {
    readonly name: string;
    readonly served: boolean;
    readonly storage: boolean;
    readonly subresources?: { readonly status?: object };
  }[];
}

const specs = kruiseCrds.map((crd) => crd["spec"] as CrdSpec);

test("KRUISE-001 four kinds, namespaced, with status, without short names, v1beta1 stored where it is", () => {
  const stored = (storage: boolean) => (storage ? " stored" : "");
  const rows = specs.map(
    ({ names, versions }) =>
      `${names.plural}: ${versions.map(({ name, storage }) => name + stored(storage)).join(", ")}`,
  );
  assert.deepEqual(rows, [
    "rollouts: v1beta1 stored, v1alpha1",
    "batchreleases: v1beta1 stored, v1alpha1",
    "trafficroutings: v1alpha1 stored",
    "rollouthistories: v1alpha1 stored",
  ]);
  for (const { group, scope, names, versions } of specs) {
    assert.deepEqual([group, scope], ["rollouts.kruise.io", "Namespaced"]);
    assert.deepEqual([names.shortNames ?? [], names.categories ?? []], [[], []]);
    for (const { served, subresources } of versions) assert.ok(served && subresources?.status);
  }
});

test("KRUISE-002 the kinds of two versions are converted, and no others", () => {
  const twofold = specs
    .filter(({ versions }) => versions.length > 1)
    .map(({ names, group }) => `${names.plural}.${group}`);
  assert.deepEqual(Object.keys(kruisePack.converters), twofold);
});
