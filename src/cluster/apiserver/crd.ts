import type { KubeObject } from "../../api/meta.ts";
import { deepCopy, deepEqual } from "../../base/json.ts";
import type { Converter } from "../../kube/admission.ts";
import { setCondition } from "../../kube/pods.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { StoreEvent, Transaction } from "../store/store.ts";
import { crdColumns } from "./columns/crd-columns.ts";
import type { ServerContext, WriteContext } from "./context.ts";
import {
  CLEANUP_FINALIZER,
  CRD_TABLE,
  type CrdSpec,
  type CrdVersionSpec,
  crdSpecOf,
  crdStatusOf,
  isEstablished,
  prepareCrd,
} from "./crd-rules.ts";
import { removeObject } from "./delete.ts";
import { isFinished } from "./kind-rules.ts";
import { defaultDeleteOptions } from "./query.ts";
import type { ServedKind } from "./registry.ts";
import type { ResourceDefinition } from "./resource.ts";
import { applySchemaDefaults } from "./schema/index.ts";
import { validateCustomResource } from "./validate-custom.ts";
import { editableCopy } from "./write.ts";

const ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** One definition per served version, the most stable and newest first, as discovery prefers them. */
function servedKindsOf(crd: KubeObject, converter: Converter | null): readonly ServedKind[] {
  const spec = crdSpecOf(crd);
  const storage = spec.versions.find((version) => version.storage)!;
  return [...spec.versions]
    .filter(({ served }) => served)
    .sort((left, right) => compareVersions(left.name, right.name))
    .map((version) => {
      const definition = definitionOf(spec, version);
      return {
        definition,
        table: crd.metadata.name,
        storageVersion: `${spec.group}/${storage.name}`,
        converter,
        defaultOnRead: (object) => applySchemaDefaults(definition.schema, object),
      };
    });
}

function definitionOf({ group, names, scope }: CrdSpec, version: CrdVersionSpec): ResourceDefinition {
  const schema = version.schema!.openAPIV3Schema!;
  const scale = version.subresources?.scale;
  const type: ResourceType = {
    group,
    version: version.name,
    plural: names.plural,
    kind: names.kind,
    namespaced: scope === "Namespaced",
  };
  return {
    type,
    listKind: names.listKind ?? `${names.kind}List`,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: ALL_VERBS,
    hasStatus: version.subresources?.status !== undefined,
    scale: scale
      ? {
          specReplicas: scale.specReplicasPath,
          statusReplicas: scale.statusReplicasPath,
          labelSelector: scale.labelSelectorPath ?? null,
        }
      : null,
    subresources: [],
    nameRule: "dns-subdomain",
    generation: "spec",
    isCustom: true,
    createOnUpdate: false,
    schema,
    applyDefaults() {}, // Defaults are the schema's (K8S-153).
    validate: (object, old) => validateCustomResource(schema, object, old),
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, "")),
    columns: crdColumns(version.additionalPrinterColumns as unknown as Parameters<typeof crdColumns>[0]),
  };
}

/** Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1, then other names by letter. */
export function compareVersions(left: string, right: string): number {
  const [leftRank, rightRank] = [versionRank(left), versionRank(right)];
  for (let index = 0; index < leftRank.length; index++) {
    if (leftRank[index] !== rightRank[index]) return rightRank[index]! - leftRank[index]!;
  }
  return left < right ? -1 : left > right ? 1 : 0;
}

const stability: Record<string, number> = { alpha: 1, beta: 2 };

function versionRank(name: string): readonly number[] {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(name);
  if (!match) return [0, 0, 0];
  const [, major, level, minor] = match;
  return [level === undefined ? 3 : stability[level]!, Number(major), Number(minor ?? 0)];
}

/**
 * Follows the stored CustomResourceDefinitions: serves what is established, and clears away the objects of one that is
 * being deleted (K8S-152). Holds no state that a restart would miss: `resume` starts from what is stored.
 */
export class CrdLifecycle {
  readonly #context: ServerContext;
  readonly #writeContext: (transaction: Transaction, kind: ServedKind) => WriteContext;
  readonly #onChanged: (name: string) => void;
  readonly #served = new Map<string, CrdSpec>();
  readonly #terminating = new Set<string>();

  constructor(
    context: ServerContext,
    options: {
      writeContext: (transaction: Transaction, kind: ServedKind) => WriteContext;
      /** Watches of the old definitions must end. */
      onChanged: (name: string) => void;
    },
  ) {
    this.#context = context;
    this.#writeContext = options.writeContext;
    this.#onChanged = options.onChanged;
  }

  resume(): void {
    for (const crd of this.#context.store.list(CRD_TABLE, null)) this.#follow(crd);
  }

  isTerminating(name: string): boolean {
    return this.#terminating.has(name);
  }

  onCommit(event: StoreEvent): void {
    if (event.resource === CRD_TABLE) {
      if (event.deleted) this.#forget(event.name);
      else this.#follow(event.object);
    } else if (event.deleted && this.#terminating.has(event.resource)) {
      this.#cleanUp(event.resource);
    }
  }

  #follow(crd: KubeObject): void {
    const { name } = crd.metadata;
    const { registry, converters } = this.#context;
    const former = this.#served.get(name);
    const spec = crdSpecOf(crd);
    if (isEstablished(crd) && !deepEqual(former, spec)) {
      try {
        registry.setCustom(name, servedKindsOf(crd, converters[name] ?? null));
      } catch (error) {
        // The write is done, so a definition that validation should have refused must not stop the server.
        this.#context.logger.error({ crd: name, error: String(error) }, "cannot serve a CustomResourceDefinition");
        return;
      }
      this.#served.set(name, spec);
      if (former) this.#onChanged(name);
    }
    if (crd.metadata.deletionTimestamp === undefined || this.#terminating.has(name)) return;
    this.#terminating.add(name);
    this.#cleanUp(name);
  }

  #forget(name: string): void {
    this.#terminating.delete(name);
    this.#served.delete(name);
    this.#context.registry.setCustom(name, []);
    this.#onChanged(name);
    this.#retryConflicts();
  }

  /** A name that became free may be what another definition waits for: writing it again works its status out anew. */
  #retryConflicts(): void {
    const { store } = this.#context;
    const waiting = store.list(CRD_TABLE, null).filter((crd) => !isEstablished(crd));
    for (const { metadata } of waiting) this.#refreshStatus(metadata.name);
  }

  #refreshStatus(name: string): void {
    this.#run(name, (transaction) => {
      const crd = transaction.get(CRD_TABLE, "", name);
      const kind = this.#crdKind();
      if (!crd || !kind) return;
      const next = editableCopy(crd);
      next["spec"] = deepCopy(crd["spec"]);
      prepareCrd(this.#writeContext(transaction, kind), next, crd);
      if (!deepEqual(next["status"], crd["status"])) transaction.put(CRD_TABLE, next);
    });
  }

  #crdKind(): ServedKind | null {
    return this.#context.registry.lookup({
      group: "apiextensions.k8s.io",
      version: "v1",
      plural: "customresourcedefinitions",
    });
  }

  /** Deletes the objects that are left; the definition itself goes in the transaction that finds none. */
  #cleanUp(name: string): void {
    this.#run(name, (transaction) => {
      const crd = transaction.get(CRD_TABLE, "", name);
      if (!crd || crd.metadata.deletionTimestamp === undefined) return;
      const [kind] = this.#context.registry.custom(name);
      for (const object of transaction.list(name, null)) {
        const { namespace = "", deletionTimestamp } = object.metadata;
        // Of a kind without a served version nobody could ever remove a finalizer.
        if (!kind) transaction.delete(name, namespace, object.metadata.name);
        else if (deletionTimestamp === undefined) {
          removeObject(this.#writeContext(transaction, kind), object, defaultDeleteOptions);
        }
      }
      if (transaction.list(name, null).length === 0) this.#release(transaction, crd);
      else this.#markTerminating(transaction, crd);
    });
  }

  #release(transaction: Transaction, crd: KubeObject): void {
    const next = editableCopy(crd);
    const finalizers = (crd.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
    if (finalizers.length > 0) next.metadata.finalizers = finalizers;
    else delete next.metadata.finalizers;
    if (isFinished(next)) transaction.delete(CRD_TABLE, "", crd.metadata.name, next);
    else if (!deepEqual(next, crd)) transaction.put(CRD_TABLE, next);
  }

  #markTerminating(transaction: Transaction, crd: KubeObject): void {
    const status = crdStatusOf(crd);
    const condition = {
      type: "Terminating",
      status: "True" as const,
      reason: "InstanceDeletionInProgress",
      message: "CustomResource deletion is in progress",
    };
    const conditions = setCondition(status.conditions, condition, this.#context.clock.now());
    if (conditions === status.conditions) return;
    transaction.put(CRD_TABLE, { ...editableCopy(crd), status: { ...status, conditions } });
  }

  #run(name: string, work: (transaction: Transaction) => void): void {
    this.#context.store.transact(work).catch((error: unknown) => {
      this.#context.logger.error({ crd: name, error: String(error) }, "cannot follow a CustomResourceDefinition");
    });
  }
}
