import type { Command, Option } from "commander";
import { isApiError } from "../../kube/errors.ts";
import type { ResourceType } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { goalWords } from "./until.ts";

const NAME = "kubectl-argo-rollouts";
const COMPLETE = "__complete";

/** Each asks the hidden command for the words and drops its last line, which is a hint to shells (CL-006). */
const scripts: Readonly<Record<string, string>> = {
  bash: `_kubectl_argo_rollouts() {
  local words
  words=$(${NAME} ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | sed '/^:/d')
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _kubectl_argo_rollouts ${NAME}
`,
  zsh: `#compdef ${NAME}
_kubectl_argo_rollouts() {
  compadd -- \${(f)"$(${NAME} ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null | sed '/^:/d')"}
}
compdef _kubectl_argo_rollouts ${NAME}
`,
  fish: `function __kubectl_argo_rollouts
  set -l words (commandline -opc) (commandline -ct)
  ${NAME} ${COMPLETE} $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c ${NAME} -f -a '(__kubectl_argo_rollouts)'
`,
  powershell: `Register-ArgumentCompleter -Native -CommandName '${NAME}' -ScriptBlock {
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($word -eq '') { $words += '""' }
  ${NAME} ${COMPLETE} @words 2>$null | Where-Object { $_ -notlike ':*' -and $_ -like "$word*" }
}
`,
};

export const shells: readonly string[] = Object.keys(scripts);

export function completionScript(shell: string): string {
  const script = scripts[shell];
  if (script === undefined) throw new CommandError(`no completion for "${shell}": it is one of ${shells.join(", ")}`);
  return script;
}

export interface Completion {
  readonly root: Command;
  /** Commands whose arguments are names of objects. */
  readonly argumentTypes: ReadonlyMap<Command, ResourceType>;
  readonly session: (act: (context: CommandContext) => Promise<void>) => Promise<void>;
}

/** The words that may stand where the last of `words` is being typed, and a line for shells that know cobra's protocol. */
export async function complete({ root, argumentTypes, session }: Completion, words: readonly string[]) {
  const typed = words.at(-1) ?? "";
  const { operands } = root.parseOptions([...words.slice(0, -1)]);
  let command = root;
  const options = [...root.options];
  for (const word of operands) {
    const next = subcommand(command, word);
    if (!next) continue;
    command = next;
    options.push(...next.options);
  }
  const found =
    valuesOf(options, words.at(-2)) ??
    (typed.startsWith("-")
      ? options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []))
      : await operandsOf(command, argumentTypes.get(command), session));
  // 4: no file names instead.
  return `${found
    .filter((word) => word.startsWith(typed))
    .map((word) => `${word}\n`)
    .join("")}:4\n`;
}

/** Of an option that takes one of a few words; null: the last word is no value of such an option. */
function valuesOf(options: readonly Option[], before: string | undefined): readonly string[] | null {
  const option = options.find(({ long, short }) => before !== undefined && (before === long || before === short));
  return option?.argChoices ?? (option?.long === "--until" ? goalWords : null);
}

async function operandsOf(
  command: Command,
  type: ResourceType | undefined,
  session: Completion["session"],
): Promise<readonly string[]> {
  if (type) return namesOf(type, session);
  return command.commands.map((one) => one.name()).filter((name) => name !== COMPLETE);
}

function subcommand(command: Command, word: string): Command | undefined {
  return command.commands.find((one) => one.name() === word || one.aliases().includes(word));
}

/** A cluster that does not answer is no reason to write an error between the words of a prompt. */
async function namesOf(type: ResourceType, session: Completion["session"]): Promise<string[]> {
  let names: string[] = [];
  try {
    await session(async ({ client, namespace }) => {
      const { items } = await client.list(type, { namespace });
      names = items.map(({ metadata }) => metadata.name);
    });
  } catch (error) {
    if (!isApiError(error) && !(error instanceof CommandError)) throw error;
  }
  return names;
}
