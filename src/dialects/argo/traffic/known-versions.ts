import type { KubeObject } from "../../../api/meta.ts";
import { type Knowledge, knowledgeOf } from "../../../traffic/known-pods.ts";
import { type Pass, WAITING_FOR_DATA_PLANE } from "../pass.ts";
import { hashOf } from "../replica-sets/replica-sets.ts";
import type { ServiceView } from "../view.ts";
import { servesOnly } from "./services.ts";

/** Whether a request to a version finds one of its pods, as far as the data plane tells. */

/** Pods, and what is told of them, wake nobody, since they change too often: who waits for them looks again. */
const LOOK_AGAIN_MS = 250;

/** Behind the Service of these slices; null where nobody tells, or there are no slices to tell of. */
export function versionKnowledge(pass: Pass, slices: readonly KubeObject[] | null, hash: string): Knowledge | null {
  if (slices === null) return null;
  const version = pass.allRSs.find((one) => hashOf(one) === hash);
  return knowledgeOf(pass.view.dataPlane, slices, pass.view.pods.get(version?.metadata.name ?? "") ?? []);
}

export function isKnown(knowledge: Knowledge | null): boolean {
  return knowledge === null || knowledge === "known";
}

/** Behind a Service that must lead to this version alone. */
export function serviceKnowledge(pass: Pass, service: ServiceView, hash: string): Knowledge | null {
  if (servesOnly(service, hash)) return versionKnowledge(pass, service.slices, hash);
  // An endpoint whose pod our own cache does not have yet.
  return service.endpointHashes.has("") ? "not yet among the pods" : "not yet in the slices";
}

/** What a release that needs the version says, and when it looks again. */
export function awaitVersion(pass: Pass, hash: string, knowledge: Knowledge | null): void {
  if (isKnown(knowledge)) return;
  const listing = `waiting for a ready pod of version ${hash} to become an endpoint of its Service`;
  pass.trafficWait ??= knowledge === "unlisted" ? listing : WAITING_FOR_DATA_PLANE;
  if (knowledge !== "not yet in the slices") pass.wakeAt(pass.now + LOOK_AGAIN_MS);
}
