import { CommandError } from "../plugin/command.ts";
import { readManifests } from "./manifest.ts";

export function lint(file: string): void {
  readManifests(file);
  throw new CommandError("checking a Rollout's members is not part of this plugin yet");
}
