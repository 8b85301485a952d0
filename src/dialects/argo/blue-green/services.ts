import type { Pass } from "../pass.ts";
import { selectedHash, serviceOf, switchService } from "../traffic/services.ts";

/** What the Services of a blue-green release select. */

/** What the Services select is read back from them: users may switch them as well. */
export function readSelectors(pass: Pass): void {
  setSelector(pass, "activeSelector", pass.blueGreen?.activeService);
  setSelector(pass, "previewSelector", pass.blueGreen?.previewService);
}

function setSelector(pass: Pass, field: "activeSelector" | "previewSelector", name: string | undefined): void {
  const service = serviceOf(pass, name);
  const { [field]: _, ...others } = pass.next.blueGreen ?? {};
  const hash = service ? selectedHash(service.service) : "";
  pass.next.blueGreen = hash === "" ? others : { ...others, [field]: hash };
}

/** ARC-500: the preview follows the newest version at once, pods or not. */
export function switchPreview(pass: Pass): void {
  const service = serviceOf(pass, pass.blueGreen?.previewService)?.service;
  if (!service || !pass.newRS || pass.isHalted) return;
  switchService(pass, service, pass.newHash);
  pass.next.blueGreen = { ...pass.next.blueGreen, previewSelector: pass.newHash };
}

export function activeHash(pass: Pass): string {
  return pass.next.blueGreen?.activeSelector ?? "";
}

/** The newest version is the only one that users could have. */
export function hasNoOther(pass: Pass): boolean {
  return (pass.status.stableRS ?? "") === "" || pass.isFullyPromoted;
}

/** Pods of this version may still be asked by users, whatever the selector says. */
export function servesActive(pass: Pass, hash: string): boolean {
  return serviceOf(pass, pass.blueGreen?.activeService)?.endpointHashes.has(hash) === true;
}
