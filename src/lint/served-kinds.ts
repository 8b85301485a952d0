import type { KubeObject } from "../api/meta.ts";
import { builtinDefinitions } from "../cluster/apiserver/builtin/index.ts";
import type { Schema } from "../cluster/apiserver/resource.ts";
import { packs } from "../packs/index.ts";

/** A version of a kind that Fairway serves, with whatever packs. */
interface ServedVersion {
  readonly group: string;
  readonly kind: string;
  readonly version: string;
  readonly schema: Schema;
  readonly isCustom: boolean;
}

interface CrdSpec {
  readonly group: string;
  readonly names: { readonly kind: string };
  readonly versions: readonly {
    readonly name: string;
    readonly served: boolean;
    readonly schema: { readonly openAPIV3Schema: Schema };
  }[];
}

export const servedVersions: readonly ServedVersion[] = [
  ...builtinDefinitions.map(({ type: { group, kind, version }, schema }) => {
    return { group, kind, version, schema, isCustom: false };
  }),
  ...packs.flatMap(({ crds }) => crds.flatMap(versionsOf)),
];

/** Groups whose kinds all are here; of a built-in group a cluster may serve more than Fairway does. */
export const packGroups: ReadonlySet<string> = new Set(
  servedVersions.filter(({ isCustom }) => isCustom).map(({ group }) => group),
);

function versionsOf(crd: KubeObject): readonly ServedVersion[] {
  const { group, names, versions } = crd["spec"] as CrdSpec;
  return versions
    .filter(({ served }) => served)
    .map(({ name, schema }) => {
      return { group, kind: names.kind, version: name, schema: schema.openAPIV3Schema, isCustom: true };
    });
}
