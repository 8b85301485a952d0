import { Command } from "commander";
import { dataDirectory, type Instance, runningInstance } from "../app/data-directory.ts";
import { dataOption } from "./instance.ts";

export function statusCommand(): Command {
  return new Command("status")
    .description("say whether a cluster runs on the data directory, and where (exit code 1 when none does)")
    .addOption(dataOption())
    .option("--json", "print a JSON object")
    .action(({ data, json }: { data: string; json?: boolean }) => {
      const directory = dataDirectory(data);
      const instance = runningInstance(directory);
      if (!instance) process.exitCode = 1;
      if (json) console.log(JSON.stringify({ running: instance !== null, ...instance }));
      else if (instance) console.log(describeInstance(instance));
      else console.log(`no cluster is running on ${directory.root}`);
    });
}

/** An instance file of an older version has no such field. */
function idleNote({ idlePacks = [], packs }: Instance): string[] {
  if (idlePacks.length === 0) return [];
  const named = idlePacks.join(", ");
  const wanted = [...packs, ...idlePacks].join(",");
  return [
    `idle        ${named}: kinds of an earlier start that no controller acts on now (--packs ${wanted} starts them)`,
  ];
}

export function describeInstance(instance: Instance): string {
  return [
    `kubeconfig  ${instance.kubeconfig}`,
    `API server  ${instance.apiServer}`,
    `gateway     ${instance.gateway}`,
    `metrics     ${instance.metrics}`,
    ...(instance.prometheus ? [`Prometheus  ${instance.prometheus}`] : []),
    ...(instance.controllers ? [`controllers ${instance.controllers}/metrics`] : []),
    ...idleNote(instance),
  ].join("\n");
}
