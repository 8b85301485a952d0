import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { dataDirectory } from "../app/data-directory.ts";
import { dataOption, requireInstance } from "./instance.ts";

const BIN = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "bin");

/** `eval "$(fairway env)"` points a shell at the running cluster. */
export function envCommand(): Command {
  return new Command("env")
    .description('print shell settings for the running cluster: eval "$(fairway env)"')
    .addOption(dataOption())
    .option("--json", "print a JSON object instead of shell commands")
    .action(({ data, json }: { data: string; json?: boolean }) => {
      const { instance } = requireInstance(data);
      const settings = {
        KUBECONFIG: instance.kubeconfig,
        // kubectl keeps a server's kinds for hours, by address: those of a cluster that had the port before, too.
        KUBECACHEDIR: dataDirectory(data).kubectlCache,
        GATEWAY: instance.gateway,
        ...(instance.prometheus ? { PROMETHEUS: instance.prometheus } : {}),
      };
      if (json) {
        console.log(JSON.stringify({ ...settings, PATH: path.resolve(BIN) }));
        return;
      }
      for (const [name, value] of Object.entries(settings)) console.log(`export ${name}=${quote(value)}`);
      console.log(`export PATH=${quote(path.resolve(BIN))}:"$PATH"`);
    });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
