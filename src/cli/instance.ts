import { Option } from "commander";
import {
  type DataDirectory,
  dataDirectory,
  defaultDataDirectory,
  type Instance,
  runningInstance,
} from "../app/data-directory.ts";
import { UsageError } from "./errors.ts";

/** `--data DIR`, the same for every command that concerns one cluster. */
export function dataOption(): Option {
  return new Option("--data <dir>", "the cluster's data directory").default(
    defaultDataDirectory(process.env),
    "in the user's state directory",
  );
}

/** The cluster that runs on a data directory, or the error that says how to start one. */
export function requireInstance(data: string): { directory: DataDirectory; instance: Instance } {
  const directory = dataDirectory(data);
  const instance = runningInstance(directory);
  if (!instance) {
    throw new UsageError(`no cluster is running on ${directory.root}; start one with "fairway up --detach"`);
  }
  return { directory, instance };
}
