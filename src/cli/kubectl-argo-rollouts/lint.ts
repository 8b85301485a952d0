import type { KubeObject } from "../../api/meta.ts";
import { formatFieldError } from "../../dialects/argo/validate/field-error.ts";
import { rolloutProblems } from "../../lint/argo-problems.ts";
import { CommandError } from "../plugin/command.ts";
import { readManifests } from "./manifest.ts";

/** The first thing that the controller would say of the file's Rollouts (CL-072). Silence is approval. */
export function lint(file: string): void {
  const [first] = problemsOf(readManifests(file)).filter(({ problem }) => !OTHER_INGRESS.test(problem.detail));
  if (first) throw new CommandError(formatFieldError(first.problem));
}

/** The original looks only at Ingresses that lead to the Rollout's Service. */
const OTHER_INGRESS = / has no rules using service /;

function problemsOf(objects: readonly KubeObject[]): ReturnType<typeof rolloutProblems> {
  try {
    return rolloutProblems(objects);
  } catch (error) {
    // The validation reads what a schema has let pass; a file may hold anything.
    if (!(error instanceof TypeError)) throw error;
    throw new CommandError("error unmarshaling JSON: a field has not the type that its kind's schema asks for");
  }
}
