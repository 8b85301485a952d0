import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import type { AccessEntry } from "../../src/mesh/access-log.ts";
import { examples, get } from "../support/fairway.ts";
import { laneRequests, startLoad } from "../support/lane-load.ts";
import {
  approve,
  isReady,
  type LaneCluster,
  podsOf,
  release,
  type Service,
  services,
  startLanes,
  undo,
  untilReplicas,
  untilRollout,
} from "../support/lanes.ts";

/** Many requests at once while pods come and go: none fails, none meets a pod of another lane. */

let cluster: LaneCluster;

before(async () => {
  cluster = await startLanes(examples);
});

after(() => cluster?.remove());

const STRESS_MS = 16_000;
/** How often the newest entries of the mesh are looked at: a sample of all hops. */
const LOOK_EVERY_MS = 2_000;

test("LANE minimum set 6: 200 requests at a time, distinct ids, random lanes, pods that come and go", async (t) => {
  const load = startLoad(cluster, { workers: 200, next: laneRequests(cluster, ["base", "canary", null]) });
  const until = Date.now() + STRESS_MS;
  const lanes = new LoggedLanes();
  const watching = lanes.watch(`${cluster.fairway.instance.meshAdmin}/accesslog?limit=4000`, until);
  const events = await Promise.all(services.map((service, index) => disturb(service, index, until)));
  await watching;
  const report = await load.stop();
  await t.diagnostic(`${report.sent} requests; ${lanes.seen} hops; events ${events}`);
  assert.equal(report.failures.length, 0, [...report.failures.slice(0, 20), ...lanes.errors.slice(0, 20)].join("\n"));
  assert.deepEqual(lanes.strangers, []);
  assert.ok(report.sent > 2_000, `only ${report.sent} requests were sent`);
  assert.ok(lanes.seen > 1_000, `only ${lanes.seen} hops were looked at`);
});

/** One service's life: scaled up and down, pods deleted, released, rolled back, completed. Returns what was done. */
async function disturb(service: Service, index: number, until: number): Promise<number> {
  const deployment = `${service}-v1`;
  const scaleTo = async (replicas: number) => {
    await cluster.fairway.kubectlOk("scale", "deployment", deployment, `--replicas=${replicas}`);
    await untilReplicas(cluster, deployment, replicas);
  };
  const deleteOne = async (lane: string) => {
    const pod = podsOf(cluster, service, lane).find(isReady);
    if (pod) await cluster.fairway.kubectlOk("delete", "pod", pod.metadata.name, "--wait=false");
    await cluster.until(`${deployment} has its ${lane} pods back`, () => {
      const pods = podsOf(cluster, service, lane);
      return pods.length > 0 && pods.every(isReady) && !pods.includes(pod as never);
    });
  };
  let tag = "1.0";
  const releaseNext = async () => {
    tag = tag === "1.0" ? "2.0" : "1.0";
    await release(cluster, service, tag);
    await untilRollout(cluster, service, "waiting");
  };
  const life = [
    () => scaleTo(2),
    () => deleteOne("base"),
    releaseNext,
    () => deleteOne("canary"),
    async () => {
      await undo(cluster, service);
      tag = tag === "1.0" ? "2.0" : "1.0";
      await untilRollout(cluster, service, "canceled");
    },
    () => scaleTo(3),
    releaseNext,
    async () => {
      await approve(cluster, service);
      await untilRollout(cluster, service, "completed");
    },
    () => scaleTo(1),
  ];
  let done = 0;
  // Each service starts elsewhere in the cycle of what leaves it as it was, so that different things coincide.
  for (let pause = 0; pause < index; pause++) await scaleTo(2 - (pause % 2));
  while (Date.now() < until) {
    for (const act of life) {
      await act();
      done++;
      if (Date.now() >= until) break;
    }
  }
  return done;
}

/** The mesh's own word on which lane each hop asked for: it must be the one that the id names. */
class LoggedLanes {
  readonly strangers: string[] = [];
  /** What the mesh itself answered with an error, for the failure's message. */
  readonly errors: string[] = [];
  seen = 0;

  async watch(url: string, until: number): Promise<void> {
    while (Date.now() < until) {
      for (const entry of JSON.parse((await get(url)).body) as AccessEntry[]) this.#look(entry);
      await sleep(systemClock, LOOK_EVERY_MS);
    }
  }

  #look(entry: AccessEntry): void {
    const { trace, lane, proxy, authority } = entry;
    if (entry.code >= 500) this.errors.push(JSON.stringify(entry));
    if (trace === null || lane === null) return;
    this.seen++;
    const want = trace.slice(0, trace.indexOf("-"));
    if (lane.requested !== want || lane.ambiguous) {
      this.strangers.push(`${trace} at ${proxy} -> ${authority}: ${JSON.stringify(lane)}`);
    }
  }
}
