import { deepEqual } from "../../../base/json.ts";
import { parseTime } from "../../../base/time.ts";
import { isLive, isTold } from "../../../traffic/data-plane.ts";
import type { Carrier } from "../../../traffic/router.ts";
import type { Pass } from "../pass.ts";
import { conditionOf, putCondition, removeCondition } from "../status/conditions.ts";
import type { TrafficWeights } from "../types.ts";

/** When what was written is in force: the data plane says so or, where it does not, some time has passed. */

interface Written {
  readonly hasWritten: boolean;
  readonly weights: TrafficWeights;
  readonly carriers: readonly Carrier[];
}

/**
 * True once the data plane runs what is written. Where nobody tells, the wait begins with the write and its start is
 * kept in a condition, so that a restart neither repeats nor shortens it; the weights in the status say that it is over.
 */
export function settle(pass: Pass, { hasWritten, weights, carriers }: Written): boolean {
  const { next, now, view, status } = pass;
  if (hasWritten) {
    startWaiting(pass, carriers);
    return false;
  }
  const states = carriers.map(({ type, object }) => (object ? isLive(view.dataPlane, type, object) : false));
  if (states.includes(false)) return false;
  if (!states.includes(null)) {
    removeCondition(next, "TrafficSettling");
    return true;
  }
  if (deepEqual(status.canary?.weights, weights)) {
    removeCondition(next, "TrafficSettling");
    return true;
  }
  if (!conditionOf(next, "TrafficSettling")) {
    startWaiting(pass, carriers);
    return false;
  }
  if (!hasWaited(pass)) {
    const since = parseTime(conditionOf(next, "TrafficSettling")?.lastUpdateTime) ?? now;
    pass.wakeAt(since + view.assumedPropagationSeconds * 1000);
    return false;
  }
  removeCondition(next, "TrafficSettling");
  return true;
}

function startWaiting({ next, now, view }: Pass, carriers: readonly Carrier[]): void {
  if (carriers.every(({ type }) => isTold(view.dataPlane, type))) return;
  // Times have whole seconds: rounded up, so that the wait is never shorter than it says (INV-35).
  const message = `traffic was set; it is taken to be in force after ${view.assumedPropagationSeconds}s`;
  const change = { type: "TrafficSettling", status: "True", reason: "WaitingForDataPlane", message } as const;
  putCondition(next, change, now + 999);
}

export function hasWaited({ next, now, view }: Pass): boolean {
  const since = parseTime(conditionOf(next, "TrafficSettling")?.lastUpdateTime);
  return since !== null && now >= since + view.assumedPropagationSeconds * 1000;
}
