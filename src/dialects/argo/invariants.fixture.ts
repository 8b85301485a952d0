import assert from "node:assert/strict";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { KEY } from "./rollout.fixture.ts";

const HASH_LABEL = "rollouts-pod-template-hash";

/** What a user could see at one moment, judged by the invariants of the release. */
export interface Watch {
  /** Lets so much time pass and judges after every wake. */
  advance(milliseconds: number): Promise<void>;
  /** Every canary weight that was ever written, in order, without repeats. */
  readonly weights: readonly number[];
}

interface Route {
  readonly destination: { readonly host: string };
  readonly weight?: number;
}

/** INV-01, INV-05, INV-07 and INV-17 at every moment of a virtual history. */
export function watchInvariants(world: World, { minimum }: { minimum: number }): Watch {
  const weights: number[] = [];
  const judge = async () => {
    const [virtualService] = await world.list(resources.virtualServices, KEY.namespace);
    const pods = await world.list(resources.pods, KEY.namespace);
    const ready = (hash: string | undefined) =>
      pods.filter(
        (pod) =>
          pod.metadata.labels?.[HASH_LABEL] === hash && pod.metadata.deletionTimestamp === undefined && isReady(pod),
      ).length;
    const spec = virtualService?.["spec"] as { http: { name?: string; route: Route[] }[] };
    const route = spec.http.find(({ name }) => name === "primary")?.route ?? [];
    const total = route.reduce((sum, { weight = 0 }) => sum + weight, 0);
    assert.equal(total, 100, "INV-05 the weights sum to 100");
    const services = await world.list(resources.services, KEY.namespace);
    for (const { destination, weight = 0 } of route) {
      const service = services.find(({ metadata }) => metadata.name === destination.host);
      const { selector } = (service?.["spec"] ?? {}) as { selector?: Record<string, string> };
      const count = ready(selector?.[HASH_LABEL]);
      assert.ok(weight === 0 || count >= 1, `INV-01 ${destination.host} has weight ${weight} and ${count} ready pods`);
    }
    const all = pods.filter(isReady).length;
    assert.ok(all >= minimum, `INV-17 ${all} pods serve, ${minimum} must`);
  };
  world.client.watch(
    resources.virtualServices,
    { namespace: KEY.namespace, resourceVersion: "0" },
    {
      onEvent: ({ type, object }) => {
        if (type !== "MODIFIED") return;
        const { http } = object["spec"] as { http: { name?: string; route: Route[] }[] };
        const route = http.find(({ name }) => name === "primary")?.route ?? [];
        const weight = route.find(({ destination }) => destination.host === "istio-rollout-canary")?.weight ?? 0;
        if (weights.at(-1) !== weight) weights.push(weight);
      },
      onEnd: () => {},
    },
  );
  return {
    weights,
    advance: async (milliseconds) => {
      const until = world.clock.now() + milliseconds;
      for (;;) {
        // What follows from a wake at once needs a few turns of the loop.
        for (let turn = 0; turn < 6; turn++) await world.advance(0);
        await judge();
        const next = world.clock.nextWakeAt();
        if (next === null || next > until) break;
        world.clock.advanceTo(next);
      }
      await world.advance(until - world.clock.now());
      await judge();
    },
  };
}

function isReady(pod: KubeObject): boolean {
  const { conditions = [] } = (pod["status"] ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** Whose pods stand behind a Service, as the controllers see it now. */
export function hashesBehind(world: World, service: string): string[] {
  const slices = world.caches
    .list(resources.endpointSlices, KEY.namespace)
    .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service);
  const names = slices.flatMap((slice) =>
    ((slice["endpoints"] ?? []) as { targetRef?: { name: string } }[]).map(({ targetRef }) => targetRef?.name ?? ""),
  );
  const pods = names.map((name) => world.caches.get(resources.pods, { namespace: KEY.namespace, name }));
  return [...new Set(pods.map((pod) => pod?.metadata.labels?.[HASH_LABEL] ?? ""))];
}
