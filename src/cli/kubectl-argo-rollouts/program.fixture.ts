import { startWorld, type World } from "../../../test/support/world.ts";
import type { ReplicaSet } from "../../api/apps.ts";
import type { KubeObject, ObjectMeta } from "../../api/meta.ts";
import { formatTime } from "../../base/time.ts";
import type { AnalysisRun, Experiment, Rollout } from "../../dialects/argo/types.ts";
import type { KubeClient } from "../../kube/client.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { argoPack } from "../../packs/argo.ts";
import type { Deliver } from "./notifications/program.ts";
import { runKubectlArgoRollouts } from "./program.ts";

/** Objects as a cluster would hold them, made without a controller, and the plugin run on them. */

/** The moment of all pictures; ages count back from it. */
export const NOW = Date.UTC(2030, 0, 1);

const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export function ago(milliseconds: number): string {
  return formatTime(NOW - milliseconds);
}

interface Owned {
  readonly name: string;
  /** The uid is the owner's name: names are unique here. */
  readonly owner?: string;
  readonly age?: number;
  readonly revision?: number;
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
}

function metadata({ name, owner, age = 0, revision, annotations, labels }: Owned): ObjectMeta {
  return {
    name,
    namespace: "default",
    uid: name,
    generation: 1,
    creationTimestamp: ago(age),
    ...(labels ? { labels } : {}),
    annotations: {
      ...(revision === undefined ? {} : { "rollout.argoproj.io/revision": String(revision) }),
      ...annotations,
    },
    ...(owner === undefined
      ? {}
      : { ownerReferences: [{ apiVersion: "v1", kind: "Any", name: owner, uid: owner, controller: true }] }),
  };
}

export interface RolloutOptions {
  readonly name?: string;
  readonly age?: number;
  readonly spec?: Partial<Rollout["spec"]>;
  readonly status?: NonNullable<Rollout["status"]>;
  readonly metadata?: Partial<ObjectMeta>;
}

export function rollout({ name = "demo", age = 0, spec, status, metadata: more }: RolloutOptions = {}): Rollout {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { ...metadata({ name, age }), ...more },
    spec: {
      selector: { matchLabels: { app: name } },
      template: template("argoproj/rollouts-demo:blue", { app: name }),
      strategy: { canary: {} },
      ...spec,
    },
    ...(status ? { status: { observedGeneration: "1", ...status } } : {}),
  };
}

export function template(image: string, labels: Record<string, string>) {
  return { metadata: { labels }, spec: { containers: [{ name: "main", image }] } };
}

/** The seed's steps: 10, a pause until promoted, then 20 to 90 each with a pause. */
export const seedSteps = [
  { setWeight: 10 },
  { pause: {} },
  ...[20, 30, 40, 50, 60, 70, 80, 90].flatMap((weight) => [{ setWeight: weight }, { pause: { duration: "20s" } }]),
];

export interface ReplicaSetOptions extends Owned {
  readonly hash: string;
  readonly image?: string;
  readonly replicas: number;
  readonly available?: number;
}

export function replicaSet({
  hash,
  image = "argoproj/rollouts-demo:blue",
  replicas,
  ...rest
}: ReplicaSetOptions): ReplicaSet {
  const { available = replicas, labels, ...owned } = rest;
  const hashed = { app: owned.owner ?? "", "rollouts-pod-template-hash": hash, ...labels };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: metadata({ ...owned, labels: hashed }),
    spec: { replicas, selector: { matchLabels: hashed }, template: template(image, hashed) },
    status: { replicas, availableReplicas: available, readyReplicas: available, observedGeneration: 1 },
  };
}

export interface PodOptions extends Owned {
  readonly containers?: number;
  /** Of each container; running and ready where nothing is said. */
  readonly states?: readonly Record<string, unknown>[];
  readonly status?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
  readonly deleted?: boolean;
}

const running = { state: { running: {} }, ready: true };

export function pod({ containers = 1, states = [], status, spec, deleted, ...owned }: PodOptions): KubeObject {
  const names = Array.from({ length: containers }, (_, index) => `c${index}`);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata(owned), ...(deleted ? { deletionTimestamp: ago(0) } : {}) },
    spec: { containers: names.map((name) => ({ name, image: "a" })), ...spec },
    status: {
      phase: "Running",
      containerStatuses: names.map((name, index) => ({ name, restartCount: 0, ...(states[index] ?? running) })),
      ...status,
    },
  };
}

export function analysisRun(owned: Owned & { status: NonNullable<AnalysisRun["status"]> }): AnalysisRun {
  const { status, ...rest } = owned;
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisRun",
    metadata: metadata(rest),
    spec: { metrics: [{ name: "success-rate", successCondition: "result[0] > 0.90", provider: { prometheus: {} } }] },
    status,
  };
}

export function experiment(owned: Owned & { phase: string; message?: string }): Experiment {
  const { phase, message, ...rest } = owned;
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Experiment",
    metadata: metadata(rest),
    spec: { templates: [] },
    status: { phase, ...(message === undefined ? {} : { message }) },
  };
}

/** A cluster that serves argoproj.io, where nobody acts on it. */
export function startQuietWorld(): Promise<World> {
  return startWorld({ packs: [argoPack], builtinControllers: false });
}

export const at = (name = "demo") => ({ namespace: "default", name });

/** Stores the object with its status, whatever sub-resource that takes. */
export async function put(world: World, type: ResourceType, object: KubeObject): Promise<KubeObject> {
  const { uid: _uid, creationTimestamp: _created, ...metadata } = object.metadata;
  const { status, ...rest } = object;
  await world.client.create(type, { ...rest, metadata });
  const subresource = type === resources.argoRollouts || type === resources.replicaSets ? "status" : undefined;
  const body = { kind: "merge", body: { status } } as const;
  return world.client.patch(type, at(object.metadata.name), body, subresource ? { subresource } : {});
}

export async function withRollout(
  options: RolloutOptions,
  act: (world: World, stored: KubeObject) => Promise<void>,
): Promise<void> {
  const world = await startQuietWorld();
  try {
    await act(world, await put(world, resources.argoRollouts, rollout({ status: { phase: "Healthy" }, ...options })));
  } finally {
    await world.stop();
  }
}

export function setStatus(world: World, status: Record<string, unknown>): Promise<KubeObject> {
  return world.client.patch(
    resources.argoRollouts,
    at(),
    { kind: "merge", body: { status } },
    { subresource: "status" },
  );
}

/** The client with some of its calls in the test's hands. */
export function clientWith(client: KubeClient, calls: Partial<KubeClient>): KubeClient {
  return {
    get: (type, key) => client.get(type, key),
    list: (type, options) => client.list(type, options),
    create: (type, object, options) => client.create(type, object, options),
    update: (type, object, options) => client.update(type, object, options),
    patch: (type, key, patch, options) => client.patch(type, key, patch, options),
    delete: (type, key, options) => client.delete(type, key, options),
    watch: (type, options, handler) => client.watch(type, options, handler),
    ...calls,
  };
}

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly meanwhile?: (interrupt: () => void) => Promise<unknown>;
  readonly isTerminal?: boolean;
  readonly hasColor?: boolean;
  /** What the user answers to a question; absent: a script, which cannot. */
  readonly answer?: string;
  readonly deliver?: Deliver;
}

/** `kubectl argo rollouts …` against a cluster in memory; `meanwhile` is what happens while the command runs. */
export async function argo(
  world: Pick<World, "client" | "clock">,
  command: string,
  { meanwhile = async () => {}, isTerminal = false, hasColor = false, answer, deliver }: RunOptions = {},
): Promise<Run> {
  let out = "";
  let err = "";
  let interrupt = () => {};
  const plugin: Parameters<typeof runKubectlArgoRollouts>[1] = {
    connect: ({ namespace = "default" }) => ({ client: world.client, namespace, close: async () => {} }),
    clock: world.clock,
    isTerminal,
    hasColor,
    ask:
      answer === undefined
        ? null
        : async (question) => {
            err += question;
            return answer;
          },
    onInterrupt(act) {
      interrupt = act;
      return () => {
        interrupt = () => {};
      };
    },
    print: (text) => {
      out += text;
    },
    printError: (text) => {
      err += text;
    },
  };
  const done = runKubectlArgoRollouts(wordsOf(command), plugin, deliver);
  await meanwhile(() => interrupt());
  return { code: await done, out, err };
}

export const ok = (out: string): Run => ({ code: 0, out, err: "" });
export const fails = (err: string): Run => ({ code: 1, out: "", err });

/** A NUL at the end stands for an empty word. */
function wordsOf(command: string): string[] {
  return command
    .split(" ")
    .filter(Boolean)
    .map((word) => word.replace("\0", ""));
}
