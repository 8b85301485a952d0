import { type Command, Option } from "commander";
import type { Delivery } from "../../../dialects/argo/notifications/types.ts";
import { type CommandContext, CommandError, type World, withSession } from "../../plugin/command.ts";
import type { ConnectionFlags } from "../../plugin/connection.ts";
import { type GetFormat, getFormats, getTemplates, getTriggers, notify, runTrigger, type Trying } from "./commands.ts";

/** Sends a notification to somebody. */
export type Deliver = (delivery: Delivery) => Promise<void>;

export const refuseDelivery: Deliver = async () => {
  throw new CommandError("nothing is sent from here; take the recipient console:stdout");
};

interface Flags extends ConnectionFlags {
  readonly configMap?: string;
  readonly secret?: string;
  readonly output: GetFormat;
  readonly recipient?: readonly string[];
}

/** CL-076: the words and flags of `notifications`. */
export function addNotifications(root: Command, world: World, deliver: Deliver): void {
  const notifications: Command = root
    .command("notifications")
    .description("Try templates and triggers of notifications out")
    .option("--config-map <file>", "argo-rollouts-notification-configmap.yaml file path")
    .option("--secret <file>", "argo-rollouts-notification-secret.yaml file path; ':empty' is none")
    .action(() => notifications.outputHelp());
  const trying = (command: Command): Trying => {
    const { configMap = "", secret = "", ...flags } = command.optsWithGlobals<Flags>();
    return { world, deliver, sources: { configMap, secret, session: (act) => within(world, flags, act) } };
  };
  const group = (name: string, description: string) =>
    notifications
      .command(name)
      .description(description)
      .argument("[words...]")
      .action(() => {
        throw new CommandError("select child command");
      });

  const template = group("template", "Notification templates related commands");
  template
    .command("get")
    .description("Print configured templates")
    .argument("[name]")
    .addOption(formatOption())
    .action((name: string | undefined, { output }: Flags, command: Command) =>
      getTemplates(trying(command), name, output),
    );
  template
    .command("notify")
    .description("Make a notification of a template and send it to the recipients")
    .usage("NAME RESOURCE_NAME [flags]")
    .argument("[names...]")
    .option("--recipient <service:recipient>", "whom to tell; may be repeated (default console:stdout)", collect, [])
    .action((names: string[], { recipient = [] }: Flags, command: Command) =>
      notify(trying(command), names, recipient.length === 0 ? ["console:stdout"] : recipient),
    );

  const trigger = group("trigger", "Notification triggers related commands");
  trigger
    .command("get")
    .description("Print configured triggers")
    .argument("[name]")
    .addOption(formatOption())
    .action((name: string | undefined, { output }: Flags, command: Command) =>
      getTriggers(trying(command), name, output),
    );
  trigger
    .command("run")
    .description("Evaluate a trigger's conditions and print the results")
    .usage("NAME RESOURCE_NAME [flags]")
    .argument("[names...]")
    .action((names: string[], _flags: Flags, command: Command) => runTrigger(trying(command), names));
}

async function within<T>(
  world: World,
  flags: ConnectionFlags,
  act: (context: CommandContext) => Promise<T>,
): Promise<T> {
  let result: { readonly value: T } | undefined;
  await withSession(world, flags, async (context) => {
    result = { value: await act(context) };
  });
  return (result as { readonly value: T }).value;
}

function formatOption(): Option {
  return new Option("-o, --output <format>", "output format").choices(getFormats).default("wide");
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
