import { type Random, randomInt } from "../../src/base/random.ts";
import type { Trouble } from "./harness.ts";

/** A scenario is data: what people do, and what goes wrong meanwhile. All of it follows from the seed. */
export interface Scenario extends Trouble {
  readonly workload: string;
  readonly replicas: number;
  readonly actions: readonly Action[];
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
  return {
    workload,
    replicas: workload === "pods lost" ? 2 : 1 + randomInt(random, 2),
    actions: actions.flatMap((action): Action[] => [{ kind: "wait", milliseconds: randomInt(random, 6000) }, action]),
    ...troubleOf(random),
  };
}

/** One scenario in four has a network that only delays. */
export function troubleOf(random: Random): Trouble {
  const isCalm = randomInt(random, 4) === 0;
  const chance = (most: number) => (isCalm ? 0 : random.next() * most);
  return {
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
