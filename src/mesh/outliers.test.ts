import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { OutlierDetectionSpec } from "../api/istio.ts";
import { VirtualClock } from "../base/clock.ts";
import { compileOutlier } from "../routing/outlier.ts";
import type { Cluster, Endpoint } from "../routing/types.ts";
import { Outliers } from "./outliers.ts";

function endpoints(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, index) => ({
    address: `10.0.0.${index}`,
    port: 80,
    ready: true,
    pod: null,
  }));
}

function clusterOf(count: number, spec: OutlierDetectionSpec | undefined): Cluster {
  return {
    name: "outbound|80||web",
    host: "web",
    serviceName: "web",
    serviceNamespace: "default",
    port: 80,
    subset: "",
    endpoints: endpoints(count),
    instanceCount: count,
    loadBalancing: "RANDOM",
    hash: null,
    connectionPool: null,
    outlier: compileOutlier(spec),
  };
}

const all: OutlierDetectionSpec = { consecutive5xxErrors: 3, maxEjectionPercent: 100 };

/** The first endpoint's answers one after another; null: none. */
class Watched {
  readonly clock = new VirtualClock(0);
  readonly outliers = new Outliers(this.clock);
  readonly cluster: Cluster;

  constructor(spec: OutlierDetectionSpec | undefined, count = 2) {
    this.cluster = clusterOf(count, spec);
  }

  answers(...statuses: readonly (number | null)[]): this {
    return this.answersOf(0, ...statuses);
  }

  answersOf(index: number, ...statuses: readonly (number | null)[]): this {
    for (const status of statuses) this.outliers.record(this.cluster.endpoints[index]!, this.cluster, status);
    return this;
  }

  isEjected(index = 0): boolean {
    return this.outliers.isEjected(this.cluster.endpoints[index]!, this.cluster);
  }

  advance(ms: number): void {
    this.clock.advanceTo(this.clock.now() + ms);
  }

  /** Seconds from now until it gets requests again. */
  secondsOut(): number {
    let seconds = 0;
    while (this.isEjected()) {
      this.advance(1_000);
      seconds += 1;
    }
    return seconds;
  }
}

describe("outlier detection", () => {
  const rows: readonly (readonly [
    name: string,
    spec: OutlierDetectionSpec | undefined,
    statuses: readonly (number | null)[],
    isEjected: boolean,
  ])[] = [
    ["MC-166 three 5xx in a row", all, [500, 501, 599], true],
    ["MC-168 an answer in between starts the count again", all, [500, 500, 200, 500, 500], false],
    ["MC-168 a 404 is an answer", all, [500, 500, 404, 500, 500], false],
    ["MC-172 no answer counts as 5xx", all, [null, null, null], true],
    ["MC-171 gateway errors alone: 500 is none", { ...gateway(2) }, [500, 500, 500], false],
    ["MC-171 gateway errors alone: 503 is one", { ...gateway(2) }, [502, 503], true],
    ["MESH-195 five by default", { maxEjectionPercent: 100 }, [500, 500, 500, 500], false],
    ["MESH-195 five by default, reached", { maxEjectionPercent: 100 }, [500, 500, 500, 500, 500], true],
    ["MESH-195 0 switches the count off", { ...all, consecutive5xxErrors: 0 }, [500, 500, 500, 500, 500, 500], false],
    ["MESH-195 without the block nothing is ejected", undefined, [500, 500, 500, 500, 500, 500], false],
    [
      "MESH-195 failures without answer have a count of their own when split",
      { ...all, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 },
      [500, 500, null, null],
      true,
    ],
    [
      "MESH-195 and do not count as 5xx then",
      { ...all, splitExternalLocalOriginErrors: true },
      [500, 500, null, null],
      false,
    ],
  ];
  for (const [name, spec, statuses, isEjected] of rows) {
    test(name, () => assert.equal(new Watched(spec).answers(...statuses).isEjected(), isEjected));
  }

  test("MC-167 MESH-197 with the default of 10 % fewer than ten endpoints never eject, ten eject one", () => {
    const spec = { consecutive5xxErrors: 1 };
    assert.equal(new Watched(spec, 9).answers(500).isEjected(), false);
    const ten = new Watched(spec, 10).answers(500).answersOf(1, 500);
    assert.deepEqual([ten.isEjected(0), ten.isEjected(1)], [true, false]);
  });

  test("MC-166 MC-170 MESH-198 30 s, at the next interval; the second ejection 60 s; a healthy interval takes one off", () => {
    const watched = new Watched(all);
    watched.answers(500);
    watched.advance(4_000);
    assert.equal(watched.answers(500, 500).secondsOut(), 36, "30 s later is 34 s, the interval after that 40 s");
    assert.equal(watched.answers(500, 500).isEjected(), false, "counters start again");
    assert.equal(watched.answers(500).secondsOut(), 60);
    watched.advance(20_000);
    assert.equal(watched.answers(500, 500, 500).secondsOut(), 30);
  });

  test("MESH-198 never longer than 300 s", () => {
    const watched = new Watched({ ...all, baseEjectionTime: "200s" });
    assert.equal(watched.answers(500, 500, 500).secondsOut(), 200);
    assert.equal(watched.answers(500, 500, 500).secondsOut(), 300);
  });

  test("MESH-199 below minHealthPercent ejections do not count", () => {
    const watched = new Watched({ ...all, minHealthPercent: 60 }, 3);
    watched.answers(500, 500, 500);
    assert.equal(watched.isEjected(), true, "67 % are healthy");
    watched.answersOf(1, 500, 500, 500);
    assert.deepEqual([watched.isEjected(0), watched.isEjected(1)], [false, false], "33 % are");
  });

  test("a cluster or endpoint that goes is forgotten", () => {
    const watched = new Watched(all).answers(500, 500, 500);
    watched.outliers.keepOnly(
      new Map([[watched.cluster.name, { ...watched.cluster, endpoints: endpoints(2).slice(1) }]]),
    );
    assert.equal(watched.isEjected(), false);
    watched.answers(500, 500, 500).outliers.keepOnly(new Map());
    assert.equal(watched.isEjected(), false);
  });
});

function gateway(consecutiveGatewayErrors: number): OutlierDetectionSpec {
  return { consecutiveGatewayErrors, consecutive5xxErrors: 0, maxEjectionPercent: 100 };
}
