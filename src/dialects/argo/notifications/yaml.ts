import { parseDocument } from "yaml";
import { NotificationError } from "./types.ts";

/** Longer ones are no configuration; the reader's time grows faster than the text where it is nested. */
const TEXT_MAX = 64 * 1024;
/** Each use of an alias counts what stands behind it, so that a short text cannot become an endless value. */
const ALIASES_MAX = 100;

/** What people write into the ConfigMap and into annotations. Throws NotificationError, whatever is wrong with it. */
export function parseYaml(text: string): unknown {
  if (text.length > TEXT_MAX) throw new NotificationError(`longer than ${TEXT_MAX} characters`);
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw notYaml(error);
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    // An alias without anchor, or too much behind one.
    if (error instanceof ReferenceError) throw notYaml(error);
    throw error;
  }
}

function notYaml({ message }: Error): NotificationError {
  return new NotificationError(`not YAML: ${message.split("\n", 1)[0]}`);
}
