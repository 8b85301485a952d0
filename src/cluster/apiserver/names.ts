import type { FieldProblem, ResourceDefinition } from "./resource.ts";

/** What is wrong with a name, a label key, a label value; null when nothing is (K8S-107, K8S-108). */

const SUBDOMAIN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const VALUE = `(${QUALIFIED})?`;

const subdomainPattern = new RegExp(`^${SUBDOMAIN}$`);
const labelPattern = new RegExp(`^${LABEL}$`);
const label1035Pattern = new RegExp(`^${LABEL_1035}$`);
const qualifiedPattern = new RegExp(`^${QUALIFIED}$`);
const valuePattern = new RegExp(`^${VALUE}$`);

const SUBDOMAIN_CHARACTERS_MAX = 253;
const LABEL_CHARACTERS_MAX = 63;

export function subdomainProblem(text: string): string | null {
  if (text.length > SUBDOMAIN_CHARACTERS_MAX) return tooLong(SUBDOMAIN_CHARACTERS_MAX);
  if (subdomainPattern.test(text)) return null;
  return `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
}

export function labelProblem(text: string): string | null {
  if (text.length > LABEL_CHARACTERS_MAX) return tooLong(LABEL_CHARACTERS_MAX);
  if (labelPattern.test(text)) return null;
  if (subdomainPattern.test(text)) return "must not contain dots";
  return `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
}

export function label1035Problem(text: string): string | null {
  if (text.length > LABEL_CHARACTERS_MAX) return tooLong(LABEL_CHARACTERS_MAX);
  if (label1035Pattern.test(text)) return null;
  return `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '${LABEL_1035}')`;
}

/** RBAC names and the like: anything that can stand between two slashes of a URL. */
export function pathSegmentProblem(text: string): string | null {
  if (text === "." || text === "..") return `may not be '${text}'`;
  for (const character of ["/", "%"]) if (text.includes(character)) return `may not contain '${character}'`;
  return null;
}

const nameRules: Record<ResourceDefinition["nameRule"], (name: string) => string | null> = {
  "dns-subdomain": subdomainProblem,
  "dns-label": labelProblem,
  "dns1035-label": label1035Problem,
  "path-segment": pathSegmentProblem,
};

export function nameProblem(rule: ResourceDefinition["nameRule"], name: string): string | null {
  return nameRules[rule](name);
}

/** `[prefix/]name`: keys of labels and annotations, and qualified finalizers. */
export function qualifiedNameProblem(key: string): string | null {
  const parts = key.split("/");
  if (parts.length > 2) {
    return `a qualified name ${qualifiedText()} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    if (prefix === "") return "prefix part must be non-empty";
    const problem = subdomainProblem(prefix);
    if (problem) return `prefix part ${problem}`;
  }
  if (name === "") return "name part must be non-empty";
  if (name.length > LABEL_CHARACTERS_MAX) return `name part ${tooLong(LABEL_CHARACTERS_MAX)}`;
  return qualifiedPattern.test(name) ? null : `name part ${qualifiedText()}`;
}

export function labelValueProblem(value: string): string | null {
  if (value.length > LABEL_CHARACTERS_MAX) return tooLong(LABEL_CHARACTERS_MAX);
  if (valuePattern.test(value)) return null;
  return `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${VALUE}')`;
}

export function invalidValue(field: string, value: unknown, detail: string): FieldProblem {
  return { field, reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(value)}: ${detail}` };
}

function qualifiedText(): string {
  return `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;
}

function tooLong(max: number): string {
  return `must be no more than ${max} characters`;
}
