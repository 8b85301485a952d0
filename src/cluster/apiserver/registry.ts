import type { KubeObject } from "../../api/meta.ts";
import { deepFreeze } from "../../base/json.ts";
import type { Converter } from "../../kube/admission.ts";
import { apiVersionOf, qualifiedPlural, type ResourceType } from "../../kube/resource.ts";
import type { ResourceDefinition } from "./resource.ts";

/** A served version of a kind, and where and how its objects are stored. */
export interface ServedKind {
  readonly definition: ResourceDefinition;
  /** The store's table: one for all versions of the kind. */
  readonly table: string;
  readonly storageVersion: string;
  /** Null: versions differ in nothing but apiVersion (K8S-159). */
  readonly converter: Converter | null;
  /** Fills defaults that the schema gained after an object was stored (K8S-153); null where reads do not default. */
  readonly defaultOnRead: ((object: KubeObject) => KubeObject) | null;
}

/** Built-in kinds that are one table under two groups. */
const sharedTables: Readonly<Record<string, string>> = { "events.events.k8s.io": "events" };

/** The kinds served now. Custom ones come and go with their CustomResourceDefinitions. */
export class Registry {
  readonly #builtin: readonly ServedKind[];
  /** By the CRD's name, which is the qualified plural. */
  readonly #custom = new Map<string, readonly ServedKind[]>();
  readonly #preferred: readonly string[];
  #byPath = new Map<string, ServedKind>();
  #definitions: readonly ResourceDefinition[] = [];
  #revision = 0;

  /**
   * `preferred` names CRDs that come first in discovery, in this order, and the others after them in the order in which
   * they came: of two kinds with one short name clients take the first (SEED-090), and which was stored first tells of an
   * earlier start, not of what the user asked for now.
   */
  constructor(
    builtins: readonly ResourceDefinition[],
    converters: Readonly<Record<string, Converter>>,
    preferred: readonly string[] = [],
  ) {
    this.#preferred = preferred;
    const storageVersions = new Map<string, string>();
    this.#builtin = builtins.map((definition) => {
      const plural = qualifiedPlural(definition.type);
      const table = sharedTables[plural] ?? plural;
      // Of several versions the first in the list is the stored one.
      if (!storageVersions.has(table)) storageVersions.set(table, apiVersionOf(definition.type));
      const storageVersion = storageVersions.get(table)!;
      return { definition, table, storageVersion, converter: converters[table] ?? null, defaultOnRead: null };
    });
    this.#refresh();
  }

  get revision(): number {
    return this.#revision;
  }

  get definitions(): readonly ResourceDefinition[] {
    return this.#definitions;
  }

  lookup(type: Pick<ResourceType, "group" | "version" | "plural">): ServedKind | null {
    return this.#byPath.get(pathOf(type)) ?? null;
  }

  /** The versions of a custom kind, by the CRD's name; empty when it is not served. */
  custom(name: string): readonly ServedKind[] {
    return this.#custom.get(name) ?? [];
  }

  setCustom(name: string, kinds: readonly ServedKind[]): void {
    if (kinds.length === 0) this.#custom.delete(name);
    else this.#custom.set(name, kinds);
    this.#refresh();
  }

  #refresh(): void {
    const names = new Set([...this.#preferred, ...this.#custom.keys()]);
    const kinds = [...this.#builtin, ...[...names].flatMap((name) => this.custom(name))];
    this.#byPath = new Map(kinds.map((kind) => [pathOf(kind.definition.type), kind]));
    this.#definitions = kinds.map(({ definition }) => definition);
    this.#revision++;
  }
}

function pathOf({ group, version, plural }: Pick<ResourceType, "group" | "version" | "plural">): string {
  return `${group}/${version}/${plural}`;
}

/** Stored objects are frozen, so what one looks like in a served version is worked out once and shared. */
const views = new WeakMap<KubeObject, Map<ResourceDefinition, KubeObject>>();

/** A stored object as `kind` serves it. */
export function toServed(kind: ServedKind, stored: KubeObject): KubeObject {
  const apiVersion = apiVersionOf(kind.definition.type);
  if (stored.apiVersion === apiVersion && kind.defaultOnRead === null) return stored;
  let versions = views.get(stored);
  if (!versions) {
    versions = new Map();
    views.set(stored, versions);
  }
  let view = versions.get(kind.definition);
  if (!view) {
    const converted = convert(kind, stored, apiVersion);
    view = deepFreeze(kind.defaultOnRead ? kind.defaultOnRead(converted) : converted);
    versions.set(kind.definition, view);
  }
  return view;
}

/** An object of a request in the version that is stored. */
export function toStored(kind: ServedKind, object: KubeObject): KubeObject {
  return convert(kind, object, kind.storageVersion);
}

/** The object in another served version: a new one, or itself when it is in that version. */
export function inVersion(kind: ServedKind, object: KubeObject): KubeObject {
  return convert(kind, object, apiVersionOf(kind.definition.type));
}

function convert({ converter, definition }: ServedKind, object: KubeObject, apiVersion: string): KubeObject {
  if (object.apiVersion === apiVersion) return object;
  const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
  const converted = converter ? converter(object, version) : { ...object };
  return { ...converted, apiVersion, kind: definition.type.kind };
}
