import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { parseChain, shortChain } from "./chain.ts";
import type { Stage } from "./stage.ts";

/** What the walk of the lanes looks at: rows of Kruise Rollouts, subsets, and chains of answers. */

/** The Kruise table row of a Rollout (KRUISE-003): phase, step state and message. */
export async function expectRollout(
  stage: Stage,
  name: string,
  want: { phase: string; state: string; message: string },
): Promise<void> {
  const row = () => {
    const rollout = stage.cache.get(resources.kruiseRollouts, { namespace: "default", name });
    const status = (rollout?.["status"] ?? {}) as Record<string, unknown>;
    return { phase: status["phase"], state: status["currentStepState"], message: status["message"] };
  };
  const isWanted = () => {
    const { phase, state, message } = row();
    return phase === want.phase && state === want.state && message === want.message;
  };
  const what = `${name} is ${want.phase}, ${want.state}: ${want.message}`;
  await stage.expectState(what, isWanted, () => JSON.stringify(row()));
}

/** The subset names of each service's DestinationRule, in order, e.g. `{mocka: "base,canary"}`. */
export async function expectSubsets(stage: Stage, want: Readonly<Record<string, string>>): Promise<void> {
  const found = () =>
    Object.fromEntries(
      Object.keys(want).map((service) => {
        const name = `trafficlabel-dr-rollout-default-${service}`;
        const rule = stage.cache.get(resources.destinationRules, { namespace: "istio-system", name });
        return [service, rule ? subsetNames(rule).join(",") : "(no DestinationRule)"];
      }),
    );
  const what = `subsets: ${Object.entries(want)
    .map(([service, names]) => `${service} ${names}`)
    .join("; ")}`;
  const isWanted = () => Object.entries(found()).every(([service, names]) => names === want[service]);
  await stage.expectState(what, isWanted, () => JSON.stringify(found()));
}

export function subsetNames(rule: KubeObject): string[] {
  const spec = (rule["spec"] ?? {}) as { subsets?: { name: string }[] };
  return (spec.subsets ?? []).map(({ name }) => name);
}

/** Sends the document's request and checks the chain of the answer. */
export async function expectChain(stage: Stage, tag: string, id: string, want: string): Promise<void> {
  await stage.expectLive();
  const { status, body } = await stage.curl("/mock", { "x-asm-prefer-tag": tag, "my-request-id": id });
  const found = shortChain(parseChain(body));
  stage.check(`lane ${tag} answers ${want}`, status === 200 && found === want, found || body);
}

export async function expectNotFound(stage: Stage): Promise<void> {
  const status = await stage.curlStatus("/mock");
  stage.check("an untagged request gets 404: no lane rule matches it", status === 404, String(status));
}
