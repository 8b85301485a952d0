import { Option } from "commander";
import { stringify } from "yaml";

/** How a command prints what it read: for people, or for programs. */
export const outputFormats = ["json", "yaml"] as const;
export type OutputFormat = (typeof outputFormats)[number];

export function outputOption(): Option {
  return new Option("-o, --output <format>", "output format, instead of text for people").choices(outputFormats);
}

export function renderOutput(content: object, format: OutputFormat): string {
  return format === "json" ? `${JSON.stringify(content, null, 2)}\n` : renderYaml(content);
}

/** One of many: JSON on a line of its own, YAML as a document of its own. */
export function renderStreamed(content: object, format: OutputFormat): string {
  return format === "json" ? `${JSON.stringify(content)}\n` : `---\n${renderYaml(content)}`;
}

export function renderYaml(content: object): string {
  // Texts stay on one line, and equal objects are written out: programs of all kinds read this.
  return stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
}
