import { documentOf } from "../../dialects/argo/summary/document.ts";
import { version } from "../version.ts";

/** The lines that scripts look for (CL-074). We are not built: what the original says of its build has no value here. */
export function renderVersion(isShort: boolean): string {
  const first = `kubectl-argo-rollouts: v${version}\n`;
  if (isShort) return first;
  const facts = {
    BuildDate: "unknown",
    GitCommit: "unknown",
    GitTreeState: "unknown",
    GoVersion: "none (Fairway on Node.js)",
    Compiler: "none",
    Platform: "any",
  };
  return (
    first +
    Object.entries(facts)
      .map(([label, value]) => `  ${label}: ${value}\n`)
      .join("")
  );
}

/** EC-025. */
export function describeVersion(): object {
  return documentOf("VersionView", { version: `v${version}`, implementation: "fairway" });
}
