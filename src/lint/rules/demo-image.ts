import { at, type Rule } from "../rule.ts";
import { argoRollouts, items, member, nameOf } from "../workloads.ts";

const COLOURS = /^(?:bad-|slow-)?(?:red|orange|yellow|green|blue|purple)$/;
const DEMO = "argoproj/rollouts-demo";

/** SE-010: the document's slip, a colour of the demo under another name: there is no such image. */
export const demoImage: Rule = (manifests) =>
  argoRollouts(manifests).flatMap((rollout) => {
    const containers = ["spec", "template", "spec", "containers"];
    return items(member(rollout.object, ...containers)).flatMap((container, index) => {
      const image = member(container, "image");
      const [, repository = "", tag = ""] = /^(argoproj\/[^:]+):(.+)$/.exec(String(image)) ?? [];
      if (repository === "" || repository === DEMO || !COLOURS.test(tag)) return [];
      const path = [...containers, index, "image"];
      const message = `${nameOf(rollout)}: there is no image ${image}; did you mean ${DEMO}:${tag}?`;
      const edit = rollout.replaceWithin(path, repository, DEMO);
      return [at(rollout, path, { code: "SE-010", level: "warning", message, edit })];
    });
  });
