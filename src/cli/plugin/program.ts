import { type Command, InvalidArgumentError, Option } from "commander";
import { CommandError, type World } from "./command.ts";

/** Errors of the command line itself are thrown, so that tests see them, and go where the others go. */
export function testable(command: Command, world: World): Command {
  return command.exitOverride().configureOutput({
    writeOut: (text) => world.print(text),
    writeErr: (text) => world.printError(text),
  });
}

/** The flags of kubectl that say which cluster, as who and where. */
export function connectionOptions(command: Command): Command {
  return command
    .option("-n, --namespace <name>", "the namespace")
    .option("--kubeconfig <file>", "path to the kubeconfig file")
    .option("--context <name>", "the kubeconfig context")
    .option("--cluster <name>", "the kubeconfig cluster to use instead of the context's")
    .option("--user <name>", "the kubeconfig user to use instead of the context's")
    .option("-s, --server <url>", "the API server's address")
    .option("--token <token>", "bearer token")
    .option("--certificate-authority <file>", "the server's certificate authority")
    .option("--client-certificate <file>", "client certificate")
    .option("--client-key <file>", "client key")
    .option("--tls-server-name <name>", "the name that the server's certificate must have")
    .option("--insecure-skip-tls-verify", "trust any server certificate")
    .option("--as <user>", "the user to impersonate")
    .option(
      "--as-group <group>",
      "a group to impersonate, repeatable",
      (group, before: string[]) => [...before, group],
      [],
    )
    .option("--as-uid <uid>", "the uid to impersonate")
    .addOption(
      new Option("--request-timeout <duration>", "how long one request may take, e.g. 10s; 0 has no limit").argParser(
        requestTimeout,
      ),
    )
    .addOption(new Option("--cache-dir <dir>").hideHelp())
    .addOption(new Option("--disable-compression").hideHelp());
}

function requestTimeout(text: string): number {
  try {
    return durationMs(text);
  } catch {
    throw new InvalidArgumentError("it must be a duration such as 10s or 1m");
  }
}

export function boolean(value: string): boolean {
  if (value !== "true" && value !== "false") throw new InvalidArgumentError("it must be true or false");
  return value === "true";
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, "": 1000 };

/** `90`, `90s`, `1m30s` to milliseconds; a bare number is seconds. */
export function durationMs(text: string): number {
  if (!/^(\d+(\.\d+)?(ms|s|m|h)?)+$/.test(text)) throw new CommandError(`invalid duration "${text}"`);
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)?/g)].reduce(
    (sum, [, value = "0", unit = ""]) => sum + Number(value) * (UNIT_MS[unit] ?? 0),
    0,
  );
}
