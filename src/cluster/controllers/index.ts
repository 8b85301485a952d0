import type { ResourceType } from "../../kube/resource.ts";
import type { AnyController } from "../../runtime/controller.ts";
import type { ResourceDefinition } from "../apiserver/resource.ts";
import { deploymentController } from "./deployment/index.ts";
import { disruptionController } from "./disruption/index.ts";
import { endpointSliceController } from "./endpoints/endpoint-slice.ts";
import { endpointsController } from "./endpoints/endpoints.ts";
import { garbageCollector } from "./garbage-collector.ts";
import { jobController } from "./job/index.ts";
import { namespaceController } from "./namespace.ts";
import { replicaSetController } from "./replica-set/index.ts";
import { namespaceDefaultsController } from "./service-account.ts";
import { type ApiServerAddress, systemObjectsController } from "./system-objects.ts";

export type { ApiServerAddress } from "./system-objects.ts";

export interface BuiltinControllersOptions {
  /** PEM, for ConfigMap kube-root-ca.crt in every namespace. */
  readonly rootCertificate: string;
  /** For Service default/kubernetes; null: none is made. */
  readonly apiServer: ApiServerAddress | null;
}

/**
 * The controllers that a real cluster's kube-controller-manager runs. The runner that drives them needs `kinds`
 * (see `listableTypes`), since garbage collection and namespaces concern every kind.
 */
export function builtinControllers({ rootCertificate, apiServer }: BuiltinControllersOptions): AnyController[] {
  return [
    systemObjectsController(apiServer),
    namespaceDefaultsController(rootCertificate),
    namespaceController,
    deploymentController,
    replicaSetController,
    jobController,
    disruptionController,
    endpointSliceController,
    endpointsController,
    garbageCollector,
  ];
}

/** Kinds that show the objects of another kind once more: watching both would see each object twice. */
const SHADOWS: ReadonlySet<string> = new Set(["events.k8s.io"]);

/** One version of every kind that can be watched: what the runner's `kinds` should answer on the embedded cluster. */
export function listableTypes(definitions: readonly ResourceDefinition[]): readonly ResourceType[] {
  const types = new Map<string, ResourceType>();
  for (const { type, verbs } of definitions) {
    if (!verbs.includes("list") || !verbs.includes("watch") || SHADOWS.has(type.group)) continue;
    const name = `${type.plural}.${type.group}`;
    if (!types.has(name)) types.set(name, type);
  }
  return [...types.values()];
}
