import { deepEqual } from "../../../base/json.ts";
import type { Experiment } from "../types.ts";

export const PROGRESS_DEADLINE_SECONDS = 600; // section 8.1

/** XP-011: the first thing wrong with the spec, null when nothing is. */
export function experimentProblem({ metadata: { name }, spec }: Experiment): string | null {
  const deadline = spec.progressDeadlineSeconds ?? PROGRESS_DEADLINE_SECONDS;
  const names = new Set<string>();
  for (const [index, template] of spec.templates.entries()) {
    if (!template.selector) return `Experiment has missing field '.Spec.Templates[${index}].Selector'`;
    if (deepEqual(template.selector, {})) {
      return `This experiment is selecting all pods at index ${index}. A non-empty selector is required.`;
    }
    if ((template.minReadySeconds ?? 0) > deadline) {
      return `MinReadySeconds cannot be longer than ProgressDeadlineSeconds. Check template index ${index}`;
    }
    if (template.name === "") return `Experiment ${name} has empty template name at index ${index}`;
    if (names.has(template.name))
      return `Experiment ${name} has repeated template name '${template.name}' in templates`;
    names.add(template.name);
  }
  return null;
}
