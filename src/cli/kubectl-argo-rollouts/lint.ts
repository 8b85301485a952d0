import { formatFieldError } from "../../dialects/argo/field-error.ts";
import { rolloutProblems } from "../../lint/argo-problems.ts";
import { CommandError } from "../plugin/command.ts";
import { readManifests } from "./manifest.ts";

/** The first thing that the controller would say of the file's Rollouts (CL-072). Silence is approval. */
export function lint(file: string): void {
  const [first] = rolloutProblems(readManifests(file));
  if (first) throw new CommandError(formatFieldError(first.problem));
}
