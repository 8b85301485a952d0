import { stringify } from "yaml";
import { isMistake } from "../../../dialects/argo/notifications/decide.ts";
import { CONSOLE, tryDelivery, tryTemplate, tryTrigger } from "../../../dialects/argo/notifications/try-out.ts";
import type { Delivery } from "../../../dialects/argo/notifications/types.ts";
import { isApiError } from "../../../kube/errors.ts";
import { CommandError, type World } from "../../plugin/command.ts";
import { renderTable } from "../../plugin/table.ts";
import { ToldError } from "../errors.ts";
import { type Configuration, loadConfiguration, loadSubject, type Sources } from "./sources.ts";

/** CL-076: `notifications template|trigger …`. What goes wrong is told in the original's words, with exit code 1. */

export const getFormats = ["json", "yaml", "wide", "name"] as const;
export type GetFormat = (typeof getFormats)[number];

export interface Trying {
  readonly world: World;
  readonly sources: Sources;
  /** Sends it, once. */
  readonly deliver: (delivery: Delivery) => Promise<void>;
}

export async function getTemplates(trying: Trying, name: string | undefined, format: GetFormat): Promise<void> {
  const { templates } = await configured(trying, "get api");
  printAll(trying.world, chosen(templates, name), format, (items) => [
    ["NAME", "PREVIEW"],
    ...Object.entries(items).map(([key, template]) => [key, preview(template)]),
  ]);
}

export async function getTriggers(trying: Trying, name: string | undefined, format: GetFormat): Promise<void> {
  const { triggers, config } = await configured(trying, "get api");
  printAll(trying.world, chosen(triggers, name), format, (items) => [
    ["NAME", "TEMPLATE", "CONDITION"],
    ...Object.keys(items).flatMap((key) =>
      (config.triggers.get(key) ?? []).map(({ send, whenText }, index) => [
        index === 0 ? key : "",
        send.join(", "),
        whenText,
      ]),
    ),
  ]);
}

export async function notify(trying: Trying, names: readonly string[], recipients: readonly string[]): Promise<void> {
  const [template = "", resource = ""] = twoOf(names);
  const { world, deliver } = trying;
  const { config } = await configured(trying, "create API");
  const subject = await told(world, "failed to load resource", () => loadSubject(resource, trying.sources));
  const trial = { config, ...subject, now: world.clock.now() };
  for (const text of recipients) {
    const [service = "", recipient = ""] = text.split(":");
    await told(world, `failed to notify '${text}'`, async () => {
      if (service === CONSOLE) {
        const { message, parts } = tryTemplate(template, trial);
        const content = { ...(message === "" ? {} : { message }), ...parts };
        world.print(stringify(content, { sortMapEntries: true, lineWidth: 0 }));
        return;
      }
      // Several are the targets of one service.
      for (const delivery of tryDelivery(template, { service, recipient }, trial))
        await deliver(delivery).catch(asFault);
    });
  }
}

export async function runTrigger(trying: Trying, names: readonly string[]): Promise<void> {
  const [trigger = "", resource = ""] = twoOf(names);
  const { world } = trying;
  const { config } = await configured(trying, "get api");
  if (!config.triggers.has(trigger)) {
    const found = [...config.triggers.keys()].sort().join(", ");
    throw tell(world, `trigger with name '${trigger}' does not exist (found ${found})`);
  }
  const subject = await told(world, "failed to load resource", () => loadSubject(resource, trying.sources));
  const trial = { config, ...subject, now: world.clock.now() };
  const tried = await told(world, `failed to execute trigger ${trigger}`, async () => tryTrigger(trigger, trial));
  world.print(
    renderTable([["CONDITION", "RESULT"], ...tried.map(({ condition, result }) => [condition, String(result)])]),
  );
}

function twoOf(names: readonly string[]): readonly string[] {
  if (names.length < 2) throw new CommandError(`expected two arguments, got ${names.length}`);
  return names;
}

async function configured({ world, sources }: Trying, what: string): Promise<Configuration> {
  const configuration = await told(world, `failed to ${what}`, () => loadConfiguration(sources));
  // The original refuses the whole configuration for one of these; so does nobody here, and neither do the controllers.
  for (const problem of configuration.config.problems) world.printError(`Note: ${problem}\n`);
  return configuration;
}

function chosen(items: Readonly<Record<string, unknown>>, name: string | undefined): Readonly<Record<string, unknown>> {
  return name === undefined ? items : Object.fromEntries(Object.entries(items).filter(([key]) => key === name));
}

function printAll(
  world: World,
  items: Readonly<Record<string, unknown>>,
  format: GetFormat,
  tabulate: (items: Readonly<Record<string, unknown>>) => readonly (readonly string[])[],
): void {
  const texts: Readonly<Record<GetFormat, () => string>> = {
    json: () => `${JSON.stringify(items, null, 2)}\n`,
    yaml: () => stringify(items, { lineWidth: 0 }),
    wide: () => renderTable(tabulate(items)),
    name: () =>
      Object.keys(items)
        .map((key) => `${key}\n`)
        .join(""),
  };
  world.print(texts[format]());
}

/** The first line, at most so many characters of it. */
const PREVIEW_MAX = 100;

function preview(template: unknown): string {
  const { message } = (template ?? {}) as { message?: unknown };
  const text = typeof message === "string" && message !== "" ? message : JSON.stringify(template ?? {});
  const [line = ""] = text.split("\n");
  return line.length > PREVIEW_MAX ? `${line.slice(0, PREVIEW_MAX - 1)}...` : line;
}

async function told<T>(world: World, what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const isFault = isMistake(error) || isApiError(error) || error instanceof CommandError;
    if (!isFault) throw error;
    throw tell(world, `${what}: ${(error as Error).message}`);
  }
}

/** A receiver that refuses, or that is not there. */
function asFault(error: Error): never {
  throw new CommandError(error.message);
}

function tell(world: World, text: string): ToldError {
  world.printError(`${text}\n`);
  return new ToldError();
}
