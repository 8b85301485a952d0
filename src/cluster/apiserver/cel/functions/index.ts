import type { Overload } from "../signature.ts";
import { conversions } from "./conversions.ts";
import { formatFunctions } from "./formats.ts";
import { listFunctions } from "./lists.ts";
import { cidrFunctions, ipFunctions } from "./network.ts";
import { operators } from "./operators.ts";
import { optionalFunctions } from "./optionals.ts";
import { quantityFunctions } from "./quantities.ts";
import { regexFunctions } from "./regexes.ts";
import { semverFunctions } from "./semvers.ts";
import { setFunctions } from "./sets.ts";
import { stringFunctions } from "./strings.ts";
import { formatText } from "./text-format.ts";
import { timeFunctions } from "./times.ts";
import { urlFunctions } from "./urls.ts";

/** Everything that a rule of Kubernetes 1.34 can call. What is not here is undeclared, and a rule with it refused. */
const byName: ReadonlyMap<string, readonly Overload[]> = Map.groupBy(
  [
    ...operators,
    ...conversions,
    ...stringFunctions,
    ...formatText,
    ...listFunctions,
    ...setFunctions,
    ...optionalFunctions,
    ...timeFunctions,
    ...regexFunctions,
    ...urlFunctions,
    ...ipFunctions,
    ...cidrFunctions,
    ...quantityFunctions,
    ...semverFunctions,
    ...formatFunctions,
  ],
  ({ name }) => name,
);

export function functionsNamed(name: string): readonly Overload[] {
  return byName.get(name) ?? [];
}

export function isFunction(name: string): boolean {
  return byName.has(name);
}
