import type { KubeObject } from "../../../api/meta.ts";
import { apiVersionOf, splitApiVersion } from "../../../kube/resource.ts";
import { inVersion, type Registry, type ServedKind } from "../registry.ts";
import { type FieldSet, setOfPaths } from "./field-set.ts";
import { fieldElement } from "./path-element.ts";
import { type Place, rootPlace } from "./topology.ts";

/** Field sets belong to a version of the kind: its schema divides objects, and objects are converted to it. */
export interface KindVersion {
  readonly apiVersion: string;
  readonly place: Place;
  /** Fields that a request to this endpoint cannot write, whatever its body says. */
  readonly unwritable: FieldSet;
  convert(object: KubeObject): KubeObject;
}

export interface KindVersions {
  /** The version of the request. */
  readonly current: KindVersion;
  /** Null when the version is not served any more: its entries are dropped. */
  find(apiVersion: string): KindVersion | null;
}

export function versionsOf(kind: ServedKind, registry: Registry, subresource: string): KindVersions {
  const current = versionOf(kind, subresource);
  return {
    current,
    find(apiVersion) {
      if (apiVersion === current.apiVersion) return current;
      const { group, version } = splitApiVersion(apiVersion);
      const other = registry.lookup({ group, version, plural: kind.definition.type.plural });
      return other && other.table === kind.table ? versionOf(other, subresource) : null;
    },
  };
}

function versionOf(kind: ServedKind, subresource: string): KindVersion {
  const { definition } = kind;
  return {
    apiVersion: apiVersionOf(definition.type),
    place: rootPlace(definition.schema),
    unwritable: subresource === "status" ? besidesStatus(kind) : definition.hasStatus ? STATUS : NOTHING,
    convert: (object) => inVersion(kind, object),
  };
}

const paths = (...texts: readonly string[]) => setOfPaths(texts.map((text) => text.split(".").map(fieldElement)));

const NOTHING = paths();
const STATUS = paths("status");
/** K8S-112: through `/status` the annotations and finalizers of a built-in can be written too. */
const METADATA_BESIDE_STATUS = paths("metadata.labels", "metadata.ownerReferences");

function besidesStatus({ definition }: ServedKind): FieldSet {
  const members = Object.keys(definition.schema.properties ?? {});
  const others = members.filter((name) => !["apiVersion", "kind", "metadata", "status"].includes(name));
  const metadata = definition.isCustom ? [[fieldElement("metadata")]] : [];
  const own = setOfPaths([...others.map((name) => [fieldElement(name)]), ...metadata]);
  return definition.isCustom
    ? own
    : { isMember: false, children: new Map([...own.children, ...METADATA_BESIDE_STATUS.children]) };
}

/** Whose these are is plain, or no manager's business (K8S-105). */
export const NEVER_OWNED = setOfPaths([
  [fieldElement("apiVersion")],
  [fieldElement("kind")],
  [fieldElement("metadata")],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((name) => [fieldElement("metadata"), fieldElement(name)]),
]);
