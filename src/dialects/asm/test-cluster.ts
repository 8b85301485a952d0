import type { KubeObject } from "../../api/meta.ts";
import { deepCopy, deepEqual, isRecord } from "../../base/json.ts";
import type { Instant } from "../../base/time.ts";
import { formatKey, keyOf, parseKey } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import type { Plan, Write } from "../../runtime/plan.ts";
import { cacheOf, rootNamespace } from "./fixture.ts";
import { asmControllers } from "./index.ts";

/**
 * A cluster of a list of objects on which the ASM controllers run until nothing is left to do. It follows the API
 * server only as far as these plans need: finalizers, deletion, dropped empty writes. For tests only.
 */
export class TestCluster {
  objects: KubeObject[];
  now: Instant = Date.UTC(2030, 0, 1, 1);
  /** Every accepted write, as `create DestinationRule istio-system/x`. */
  readonly log: string[] = [];
  /** Stop after this many writes, as a crash would. */
  writesLeft = Number.POSITIVE_INFINITY;
  readonly #controllers = asmControllers({ rootNamespace }) as Controller<unknown>[];
  #revision = 1;

  constructor(objects: readonly KubeObject[]) {
    this.objects = objects.map((object) => deepCopy(object));
  }

  /** Runs all keys, letting time pass to each wake, until every plan is empty. Throws when it does not come to rest. */
  settle(roundsMax = 40): void {
    for (let round = 0; round < roundsMax; round++) {
      const { isIdle, requeueAt } = this.round();
      if (!isIdle) continue;
      if (requeueAt === null) return;
      this.now = Math.max(this.now, requeueAt);
    }
    throw new Error(`not at rest after ${roundsMax} rounds; last writes: ${this.log.slice(-6).join("; ")}`);
  }

  /** Every key once. */
  round(): { isIdle: boolean; requeueAt: Instant | null } {
    const before = this.log.length;
    let requeueAt: Instant | null = null;
    for (const [controller, kind] of [
      [this.#controllers[0]!, "ASMSwimLaneGroup"],
      [this.#controllers[1]!, "ASMSwimLane"],
    ] as const) {
      for (const key of this.ofKind(kind).map((object) => formatKey(keyOf(object)))) {
        const view = controller.gather(parseKey(key), cacheOf(this.objects), this.now);
        if (view === null) continue;
        const plan = controller.reconcile(view);
        this.perform(plan);
        if (plan.requeueAt !== null && (requeueAt === null || plan.requeueAt < requeueAt)) requeueAt = plan.requeueAt;
      }
    }
    return { isIdle: this.log.length === before, requeueAt };
  }

  perform(plan: Plan): void {
    for (const write of plan.writes) this.#write(write);
    if (plan.status === null) return;
    const { object, status } = plan.status;
    const found = this.find(object.kind, formatKey(keyOf(object)));
    if (found && !deepEqual(found["status"], status)) this.#replace({ ...found, status }, "status");
  }

  ofKind(kind: string): KubeObject[] {
    return this.objects.filter((object) => object.kind === kind);
  }

  find(kind: string, key: string): KubeObject | undefined {
    return this.ofKind(kind).find((object) => formatKey(keyOf(object)) === key);
  }

  put(object: KubeObject): void {
    this.remove(object.kind, formatKey(keyOf(object)));
    this.objects.push(deepCopy(object));
  }

  remove(kind: string, key: string): void {
    this.objects = this.objects.filter((object) => object.kind !== kind || formatKey(keyOf(object)) !== key);
  }

  /** What `kubectl delete` does: an object with finalizers stays, marked. */
  delete(kind: string, key: string): void {
    const found = this.find(kind, key);
    if (!found) return;
    if (!found.metadata.finalizers?.length) this.remove(kind, key);
    else if (!found.metadata.deletionTimestamp) this.#markDeleted(found);
  }

  #markDeleted(found: KubeObject): void {
    this.put({ ...found, metadata: { ...found.metadata, deletionTimestamp: new Date(this.now).toISOString() } });
  }

  #write(write: Write): void {
    if (write.op === "patch") {
      this.#setFinalizers(write);
      return;
    }
    const { object } = write;
    const found = this.find(object.kind, formatKey(keyOf(object)));
    if (write.op === "delete") {
      if (found?.metadata.deletionTimestamp) return;
      this.#count("delete", object);
      this.delete(object.kind, formatKey(keyOf(object)));
    } else if (write.op === "update" || !found) {
      this.#replace(object, write.op);
    }
  }

  #setFinalizers({ patch, basedOn, key }: Extract<Write, { op: "patch" }>): void {
    const { metadata } = patch.body as { metadata: { finalizers: string[] } };
    const found = this.find(basedOn.kind, formatKey(key));
    if (!found) return;
    if (metadata.finalizers.length > 0 || !found.metadata.deletionTimestamp) {
      this.#replace({ ...found, metadata: { ...found.metadata, finalizers: metadata.finalizers } }, "patch");
      return;
    }
    this.#count("finalize", found);
    this.remove(found.kind, formatKey(key));
  }

  #replace(object: KubeObject, verb: string): void {
    this.#count(verb, object);
    this.put({ ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } });
  }

  #count(verb: string, object: KubeObject): void {
    if (this.writesLeft <= 0) throw new Crash();
    this.writesLeft--;
    this.log.push(`${verb} ${object.kind} ${formatKey(keyOf(object))}`);
  }
}

export class Crash extends Error {}

/** The objects without what only says when and how often they were written. */
export function essence(objects: readonly KubeObject[]): unknown[] {
  return objects
    .map(({ metadata, ...rest }) => {
      const { resourceVersion: _revision, ...kept } = metadata;
      return { ...rest, metadata: kept, status: withoutTimes(rest["status"]) };
    })
    .sort((left, right) =>
      JSON.stringify([left.kind, left.metadata.name]) < JSON.stringify([right.kind, right.metadata.name]) ? -1 : 1,
    );
}

function withoutTimes(status: unknown): unknown {
  if (!isRecord(status) || !isRecord(status["membership"])) return status;
  const membership = Object.entries(status["membership"]).map(([key, value]) => [
    key,
    isRecord(value) ? value["lanes"] : value,
  ]);
  return { ...status, membership: Object.fromEntries(membership) };
}
