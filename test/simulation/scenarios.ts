import { type Random, randomInt } from "../../src/base/random.ts";
import type { Faults } from "../support/faulty-client.ts";

/** A scenario is data: what people do, and what goes wrong meanwhile. All of it follows from the seed. */
export interface Scenario {
  readonly seed: number;
  readonly workload: string;
  readonly replicas: number;
  readonly actions: readonly Action[];
  readonly faults: Faults;
  /** How far the mesh may lag behind what is written. */
  readonly meshLagMs: number;
  /** The controllers die about this often in the whole scenario, each time after a few more writes. */
  readonly crashes: number;
}

export type Service = "mocka" | "mockb" | "mockc";

export type Action =
  | { readonly kind: "release"; readonly service: Service; readonly version: number }
  /** Waits for the pause, as the user of the document does. */
  | { readonly kind: "approve"; readonly service: Service }
  | { readonly kind: "undo"; readonly service: Service }
  | { readonly kind: "scale"; readonly service: Service; readonly replicas: number }
  /** Deletes one pod of a lane, gracefully. */
  | { readonly kind: "delete-pod"; readonly service: Service; readonly lane: "base" | "canary" }
  | { readonly kind: "wait"; readonly milliseconds: number };

const release = (service: Service, version: number): Action => ({ kind: "release", service, version });
const approve = (service: Service): Action => ({ kind: "approve", service });
const undo = (service: Service): Action => ({ kind: "undo", service });

/** The seed's walks (SEED-030) and what people do besides. Every one ends with nothing left to approve. */
const WORKLOADS: Readonly<Record<string, readonly Action[]>> = {
  "one service": [release("mocka", 2), approve("mocka")],
  "whole chain": [
    release("mocka", 2),
    { kind: "wait", milliseconds: 10_000 },
    release("mockb", 2),
    release("mockc", 2),
    approve("mockb"),
    approve("mocka"),
    approve("mockc"),
  ],
  "undo one": [release("mocka", 2), release("mockb", 2), approve("mockb"), undo("mocka")],
  "undo at once": [release("mocka", 2), { kind: "wait", milliseconds: 500 }, undo("mocka")],
  "newer version meanwhile": [
    release("mocka", 2),
    { kind: "wait", milliseconds: 4_000 },
    release("mocka", 3),
    approve("mocka"),
  ],
  "scaled meanwhile": [
    release("mockb", 2),
    { kind: "scale", service: "mockb", replicas: 3 },
    approve("mockb"),
    { kind: "scale", service: "mockb", replicas: 2 },
  ],
  "pods lost": [
    release("mocka", 2),
    { kind: "wait", milliseconds: 12_000 },
    { kind: "delete-pod", service: "mocka", lane: "canary" },
    { kind: "delete-pod", service: "mockb", lane: "base" },
    approve("mocka"),
  ],
};

export function scenarioOf(seed: number, random: Random): Scenario {
  const workloads = Object.entries(WORKLOADS);
  const [workload, actions] = workloads[seed % workloads.length]!;
  const isCalm = randomInt(random, 4) === 0;
  const chance = (most: number) => (isCalm ? 0 : random.next() * most);
  return {
    seed,
    workload,
    replicas: workload === "pods lost" ? 2 : 1 + randomInt(random, 2),
    actions: actions.flatMap((action): Action[] => [{ kind: "wait", milliseconds: randomInt(random, 6000) }, action]),
    faults: {
      staleMs: randomInt(random, 400),
      conflict: chance(0.05),
      failedWrite: chance(0.03),
      lostAnswer: chance(0.03),
      droppedWatch: chance(0.02),
    },
    meshLagMs: 50 + randomInt(random, 700),
    crashes: randomInt(random, 4),
  };
}
