import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubeObject } from "../../../api/meta.ts";
import { deepCopy } from "../../../base/json.ts";
import { CacheSet, typeKey } from "../../../kube/cache.ts";
import { anyObject, customResourceDefinition } from "../../../kube/crd.ts";
import { formatKey, keyOf, type ResourceType, resources } from "../../../kube/resource.ts";
import type { Write } from "../../../runtime/plan.ts";
import type { Decision, ManagedRoute, Router } from "../../../traffic/router.ts";
import { gatherRollout, podTemplates } from "../gather.ts";
import { Pass } from "../pass.ts";
import { aRollout, aService } from "../rollout.fixture.ts";
import type { CanaryStrategy, Rollout, RolloutStatus, TrafficRouting } from "../types.ts";
import { customRouteKinds } from "./route-objects.ts";
import { routersOf } from "./routers.ts";

/** What every traffic router must do, on a store of plain objects and through the Rollout's own configuration. */
export interface RouterCase {
  readonly name: string;
  readonly routing: TrafficRouting;
  /** Of the canary strategy, besides. */
  readonly canary?: Partial<CanaryStrategy>;
  /** What the user has. */
  readonly objects: readonly KubeObject[];
  /** The object that must be there; without it there is a message that names it. */
  readonly required?: { readonly type: ResourceType; readonly name: string };
  /** The canary's share as the router's own data plane would read it. */
  share(store: Store): number;
  /** The user's objects with our weights out of sight: these may never change. */
  mask(store: Store): unknown;
  /** Another's backend or target in the user's object. */
  addForeign?(store: Store, name: string): void;
  readonly hasExperiments: boolean;
  /** Names of the header routes that stand, in order; absent: none are supported. */
  headers?(store: Store): readonly string[];
}

export const CANARY = "istio-rollout-canary";
export const STABLE = "istio-rollout-stable";

const NAMED: readonly ResourceType[] = [...Object.values(resources), podTemplates, ...customRouteKinds];

export class Store {
  readonly #objects = new Map<string, KubeObject>();
  #revision = 1;
  readonly writes: Write[] = [];

  constructor(objects: readonly KubeObject[]) {
    for (const object of objects) this.put(typeOf(object), deepCopy(object));
  }

  put(type: ResourceType, object: KubeObject): void {
    const metadata = { ...object.metadata, namespace: "default", resourceVersion: String(this.#revision++) };
    const stored = { ...object, metadata: { ...metadata, uid: metadata.uid ?? `uid-${object.metadata.name}` } };
    this.#objects.set(keyFor(type, object.metadata.name), stored);
  }

  get<T extends KubeObject = KubeObject>(type: ResourceType, name: string): T | null {
    return (this.#objects.get(keyFor(type, name)) ?? null) as T | null;
  }

  delete(type: ResourceType, name: string): void {
    this.#objects.delete(keyFor(type, name));
  }

  perform(writes: readonly Write[]): void {
    for (const write of writes) {
      this.writes.push(write);
      if (write.op === "delete") this.delete(write.type, write.object.metadata.name);
      else if (write.op === "patch") assert.fail("routers state whole objects");
      else {
        assert.equal(write.op === "create", this.get(write.type, write.object.metadata.name) === null);
        // As the server does: what was sent, not what was meant.
        this.put(write.type, JSON.parse(JSON.stringify(write.object)));
      }
    }
  }

  caches(rollout: Rollout): CacheSet {
    const caches = new CacheSet();
    const all = [...this.#objects];
    for (const type of NAMED) {
      const prefix = `${typeKey(type)} `;
      const objects = all.filter(([key]) => key.startsWith(prefix)).map(([, object]) => object);
      if (type === resources.argoRollouts) objects.push(rollout);
      if (type === resources.customResourceDefinitions) objects.push(...CRDS);
      caches.add(type).replace(objects, 0);
    }
    return caches;
  }
}

function keyFor(type: ResourceType, name: string): string {
  return `${typeKey(type)} ${name}`;
}

function typeOf({ apiVersion, kind }: KubeObject): ResourceType {
  const found = NAMED.find((type) => {
    const own = type.group === "" ? type.version : `${type.group}/${type.version}`;
    return own === apiVersion && type.kind === kind;
  });
  assert.ok(found, `${apiVersion} ${kind}`);
  return found;
}

const CRDS = [...Map.groupBy(customRouteKinds, ({ plural, group }) => `${plural}.${group}`).values()].map((types) =>
  customResourceDefinition({
    group: types[0]!.group,
    kind: types[0]!.kind,
    plural: types[0]!.plural,
    scope: "Namespaced",
    versions: types.map(({ version }, index) => ({ name: version, storage: index === 0, spec: anyObject })),
  }),
);

export interface Situation {
  readonly status?: RolloutStatus;
}

/** The router as the Rollout's pass makes it. */
export function routerOf({ routing, canary }: RouterCase, store: Store, { status }: Situation = {}): Router {
  const names = ["by-header", "by-cookie"].map((name) => ({ name }));
  const rollout = aRollout({ trafficRouting: { ...routing, managedRoutes: names }, ...canary });
  rollout.metadata = { ...rollout.metadata, namespace: "default", uid: "rollout-uid" };
  if (status) rollout.status = status;
  const view = gatherRollout(keyOf(rollout), store.caches(rollout), { now: 0, assumedPropagationSeconds: 1 });
  assert.ok(view);
  const [router, ...others] = routersOf(new Pass(view));
  assert.ok(router);
  assert.equal(others.length, 0);
  return router;
}

function storeOf({ objects }: RouterCase): Store {
  return new Store([aService(CANARY), aService(STABLE), ...objects]);
}

interface Given {
  readonly weight: number;
  readonly managed?: readonly ManagedRoute[];
  readonly additional?: readonly { service: string; weight: number }[];
  readonly situation?: Situation;
}

function set(one: RouterCase, store: Store, given: Given): Decision {
  const { weight, managed = [], additional = [], situation = {} } = given;
  const total = one.routing.maxTrafficWeight ?? 100;
  const decision = routerOf(one, store, situation).decide({ weight, total, managed, additional });
  store.perform(decision.writes);
  return decision;
}

/** What the status says once weight 0 is known to be in force. */
const AT_REST: Situation = {
  status: { canary: { weights: { canary: { weight: 0 }, stable: { weight: 100 } } } },
};

const header = (name: string): ManagedRoute => ({
  kind: "header",
  name,
  match: [{ headerName: "X-Version", headerValue: { exact: "next" } }],
});

export function runRouterSuite(one: RouterCase): void {
  const total = one.routing.maxTrafficWeight ?? 100;
  const named = (number: string, text: string) => `${number} ${one.name}: ${text}`;

  test(named("ARC-223", "the share goes 0 → 25 → 100 % → 0, and each second call writes nothing (INV-33)"), () => {
    const store = storeOf(one);
    for (const weight of [0, total / 4, total, 0]) {
      const { problem } = set(one, store, { weight });
      assert.equal(problem, null);
      assert.equal(one.share(store), weight, "what the data plane reads");
      assert.equal(routerOf(one, store).share, weight, "what the release reads");
      const again = set(one, store, { weight });
      assert.deepEqual([again.writes, again.events], [[], []]);
    }
    assert.ok(routerOf(one, store).carriers.every(({ object }) => object !== null));
  });

  test(named("INV-37", "what is not the release's stays as it was"), () => {
    const texts = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(
        fc.record({
          labels: fc.dictionary(texts, texts, { maxKeys: 3 }),
          notes: fc.dictionary(texts, texts, { maxKeys: 3 }),
          member: texts,
          foreign: fc.boolean(),
          weights: fc.array(fc.integer({ min: 0, max: total }), { minLength: 1, maxLength: 4 }),
        }),
        ({ labels, notes, member, foreign, weights }) => {
          const store = storeOf(one);
          for (const object of one.objects) {
            const type = typeOf(object);
            const stored = store.get(type, object.metadata.name);
            assert.ok(stored);
            const annotations = { ...stored.metadata.annotations, ...notes };
            const spec = { ...(stored["spec"] as object), [`x-${member}`]: { kept: [1, { deep: member }] } };
            store.put(type, { ...stored, metadata: { ...stored.metadata, labels, annotations }, spec });
          }
          if (foreign) one.addForeign?.(store, "another");
          const before = JSON.stringify(one.mask(store));
          for (const weight of [...weights, 0]) {
            const managed = one.headers && weight > 0 ? [header("by-header")] : [];
            assert.equal(set(one, store, { weight, managed }).problem, null);
            if (!one.headers || weight === 0) assert.equal(JSON.stringify(one.mask(store)), before);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  const { required } = one;
  if (required) {
    test(named("ARC-901", "without its object there is a message, and nothing is written"), () => {
      const store = storeOf(one);
      store.delete(required.type, required.name);
      const { writes, problem } = set(one, store, { weight: 10 });
      assert.equal(writes.length, 0);
      assert.match(problem?.message ?? "", new RegExp(`"?\`?${required.name}"?\`? not found`));
    });
  }

  const carried = routerOf(one, storeOf(one)).carriers.map(({ type }) => type);
  if (carried.some((type) => customRouteKinds.includes(type))) {
    test(named("ARC-901", "a kind that is not served is named"), () => {
      const store = storeOf(one);
      const saved = CRDS.splice(0);
      try {
        const { writes, problem } = set(one, store, { weight: 10 });
        assert.equal(writes.length, 0);
        assert.match(
          problem?.message ?? "",
          /the kind \S+ is not served: its CustomResourceDefinition is not installed/,
        );
      } finally {
        CRDS.push(...saved);
      }
    });
  }

  if (one.hasExperiments) {
    test(named("ARC-224", "temporary versions take their share from stable, and go"), () => {
      const store = storeOf(one);
      const additional = [{ service: "trial-a", weight: total / 10 }];
      assert.equal(set(one, store, { weight: total / 5, additional }).problem, null);
      assert.equal(one.share(store), total / 5);
      assert.match(JSON.stringify(store.writes.at(-1)), /trial-a/);
      assert.deepEqual(set(one, store, { weight: total / 5, additional }).writes, []);
      set(one, store, { weight: total / 5, situation: formerly("trial-a") });
      assert.doesNotMatch(
        JSON.stringify(one.objects.map((object) => store.get(typeOf(object), object.metadata.name))),
        /trial-a/,
      );
    });
  }

  const { headers } = one;
  if (headers) {
    test(named("ARC-408", "header routes come in order, stay, and go"), () => {
      const store = storeOf(one);
      set(one, store, { weight: 0 });
      const before = JSON.stringify(one.mask(store));
      const managed = [header("by-header"), header("by-cookie")];
      assert.equal(set(one, store, { weight: total / 4, managed }).problem, null);
      assert.deepEqual(headers(store), ["by-header", "by-cookie"]);
      assert.ok(["by-header", "by-cookie"].every((name) => routerOf(one, store).standing.has(name)));
      assert.deepEqual(set(one, store, { weight: total / 4, managed }).writes, [], "a second call writes nothing");
      assert.equal(one.share(store), total / 4, "the split is another matter");
      set(one, store, { weight: total / 4, managed: [header("by-cookie")] });
      assert.deepEqual(headers(store), ["by-cookie"]);
      set(one, store, { weight: 0, situation: AT_REST });
      assert.deepEqual(headers(store), []);
      assert.equal(JSON.stringify(one.mask(store)), before);
    });
  } else {
    test(named("ARC-408", "header routes are nothing to it"), () => {
      const store = storeOf(one);
      set(one, store, { weight: 0 });
      const { writes, problem } = set(one, store, { weight: 0, managed: [header("by-header")] });
      assert.deepEqual([writes, problem], [[], null]);
    });
  }
}

/** An experiment that had a Service of this name is known. */
function formerly(service: string): Situation {
  return {
    status: {
      canary: {
        weights: { canary: { weight: 0 }, stable: { weight: 100 }, additional: [{ weight: 1, serviceName: service }] },
      },
    },
  };
}

export { AT_REST, formatKey, header, set, storeOf };
