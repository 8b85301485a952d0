import { InvalidArgumentError, Option } from "commander";

/** The options of a request to the gateway, the same for every command that has one. */
export function pathOption(what: string, path: string): Option {
  return new Option("--path <path>", what).default(path).argParser((text) => {
    if (!text.startsWith("/")) throw new InvalidArgumentError(`a path begins with "/", as in "/${text}".`);
    return text;
  });
}

/** As often as there are headers; names in lower case. */
export function headerOption(): Option {
  return new Option("-H, --header <name: value>", "header of the request; may be repeated")
    .argParser(collectHeader)
    .default([], "none");
}

function collectHeader(text: string, previous: readonly (readonly [string, string])[]) {
  const colon = text.indexOf(":");
  if (colon < 1) throw new InvalidArgumentError('expected "name: value".');
  return [...previous, [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()] as const];
}
