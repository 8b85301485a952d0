import {
  dns1035LabelProblems,
  dnsLabelProblems,
  dnsSubdomainProblems,
  labelValueProblems,
  type NameRule,
  qualifiedNameProblems,
} from "../../../../kube/names.ts";
import { hasFormat } from "../../schema/formats.ts";
import { functions, type Implementation } from "../signature.ts";
import { OPAQUE_TYPES } from "../types.ts";
import { ListValue, type OpaqueValue, Optional } from "../values.ts";
import { perItem } from "./costs.ts";
import { parseUrl } from "./urls.ts";

/** A named rule for texts. */
class Format implements OpaqueValue {
  readonly typeName = OPAQUE_TYPES.format;
  readonly isOpaque = true;
  readonly #name: string;
  readonly problemsOf: NameRule;

  constructor(name: string, problemsOf: NameRule) {
    this.#name = name;
    this.problemsOf = problemsOf;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof Format && other.#name === this.#name;
  }
}

/** The start of a generated name may end in a hyphen: more characters follow it. */
function prefixOf(rule: NameRule): NameRule {
  return (text) => rule(text.replace(/-$/, "a"));
}

function schemaFormat(format: string, problem: string): NameRule {
  return (text) => (hasFormat(text, format) ? [] : [problem]);
}

/** Names end long before; what is wrong with the start of an endless one is enough, and takes no endless time. */
const NAME_CHARACTERS_MAX = 4096;

function ofName(rule: NameRule): NameRule {
  return (text) => rule(text.slice(0, NAME_CHARACTERS_MAX));
}

const rules: Readonly<Record<string, NameRule>> = {
  dns1123Label: ofName(dnsLabelProblems),
  dns1123Subdomain: ofName(dnsSubdomainProblems),
  dns1035Label: ofName(dns1035LabelProblems),
  qualifiedName: ofName(qualifiedNameProblems),
  dns1123LabelPrefix: ofName(prefixOf(dnsLabelProblems)),
  dns1123SubdomainPrefix: ofName(prefixOf(dnsSubdomainProblems)),
  dns1035LabelPrefix: ofName(prefixOf(dns1035LabelProblems)),
  labelValue: ofName(labelValueProblems),
  uri: (text) => {
    const url = parseUrl(text);
    return typeof url === "string" ? [url] : [];
  },
  uuid: schemaFormat("uuid", "does not match the UUID format"),
  byte: schemaFormat("byte", "invalid base64"),
  date: schemaFormat("date", "invalid date"),
  datetime: schemaFormat("date-time", "invalid datetime"),
};

const formats = new Map(Object.entries(rules).map(([name, rule]) => [name, new Format(name, rule)] as const));

const named = [...formats].map(([name, format]): [string, Implementation] => [
  `format.${name}(): Format`,
  () => format,
]);

export const formatFunctions = [
  ...functions({
    ...Object.fromEntries(named),
    "format.named(string): optional(Format)": (name: string) => {
      const format = formats.get(name);
      return format ? new Optional(format) : Optional.none;
    },
  }),
  ...functions(
    {
      "Format.validate(string): optional(list(string))": ({ problemsOf }: Format, text: string) => {
        const problems = problemsOf(text);
        return problems.length === 0 ? Optional.none : new Optional(new ListValue(problems));
      },
    },
    ([, text = ""]) => 20 + perItem([text]),
  ),
];
