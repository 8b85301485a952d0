/**
 * The name rules of Kubernetes (apimachinery `util/validation`), each with the exact texts that clients see (K8S-107,
 * K8S-108). A rule answers with the problems of one text; an empty list means valid.
 */
export type NameRule = (text: string) => readonly string[];

const QUALIFIED_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const CONFIG_KEY = "[-._a-zA-Z0-9]+";

const qualifiedNamePattern = anchored(QUALIFIED_NAME);
const labelPattern = anchored(LABEL);
const subdomainPattern = anchored(SUBDOMAIN);
const dns1035Pattern = anchored(DNS1035);
const configKeyPattern = anchored(CONFIG_KEY);

const QUALIFIED_NAME_TEXT =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

export const dnsSubdomainProblems: NameRule = (text) => {
  const problems = tooLong(text, 253);
  if (!subdomainPattern.test(text)) {
    problems.push(
      patternProblem(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        SUBDOMAIN,
        ["example.com"],
      ),
    );
  }
  return problems;
};

export const dnsLabelProblems: NameRule = (text) => {
  const problems = tooLong(text, 63);
  if (labelPattern.test(text)) return problems;
  if (subdomainPattern.test(text)) problems.push("must not contain dots");
  else {
    problems.push(
      patternProblem(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
        LABEL,
        ["my-name", "123-abc"],
      ),
    );
  }
  return problems;
};

export const dns1035LabelProblems: NameRule = (text) => {
  const problems = tooLong(text, 63);
  if (!dns1035Pattern.test(text)) {
    problems.push(
      patternProblem(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        DNS1035,
        ["my-name", "abc-123"],
      ),
    );
  }
  return problems;
};

/** Names that only have to fit into a URL path: RBAC kinds. */
export const pathSegmentProblems: NameRule = (text) => {
  if (text === "." || text === "..") return [`may not be '${text}'`];
  return ["/", "%"].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`);
};

/** `[prefix/]name`: the keys of labels and annotations. */
export const qualifiedNameProblems: NameRule = (text) => {
  const parts = text.split("/");
  const shape = patternProblem(QUALIFIED_NAME_TEXT, QUALIFIED_NAME, ["MyName", "my.name", "123-abc"]);
  if (parts.length > 2) {
    return [`a qualified name ${shape} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const problems: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") problems.push("prefix part must be non-empty");
    else problems.push(...dnsSubdomainProblems(prefix).map((problem) => `prefix part ${problem}`));
  }
  const name = parts[parts.length - 1] ?? "";
  if (name === "") problems.push("name part must be non-empty");
  else problems.push(...tooLong(name, 63).map((problem) => `name part ${problem}`));
  if (!qualifiedNamePattern.test(name)) problems.push(`name part ${shape}`);
  return problems;
};

export const labelValueProblems: NameRule = (text) => {
  const problems = tooLong(text, 63);
  if (text !== "" && !qualifiedNamePattern.test(text)) {
    problems.push(
      patternProblem(`a valid label must be an empty string or ${LABEL_VALUE_TEXT}`, `(${QUALIFIED_NAME})?`, [
        "MyValue",
        "my_value",
        "12345",
      ]),
    );
  }
  return problems;
};

const LABEL_VALUE_TEXT = QUALIFIED_NAME_TEXT.replace(/^must /, "");

/** Names of container and service ports (IANA_SVC_NAME). */
export const portNameProblems: NameRule = (text) => {
  const problems = tooLong(text, 15);
  if (!/^[-a-z0-9]+$/.test(text)) {
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(text)) problems.push("must contain at least one letter (a-z)");
  if (text.includes("--")) problems.push("must not contain consecutive hyphens");
  if (text.startsWith("-") || text.endsWith("-")) problems.push("must not begin or end with a hyphen");
  return problems;
};

/** Keys of ConfigMap and Secret data. */
export const configKeyProblems: NameRule = (text) => {
  const problems = tooLong(text, 253);
  if (!configKeyPattern.test(text)) {
    problems.push(
      patternProblem("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", CONFIG_KEY, [
        "key.name",
        "KEY_NAME",
        "key-name",
      ]),
    );
  }
  if (text === ".") problems.push("must not be '.'");
  else if (text === "..") problems.push("must not be '..'");
  else if (text.startsWith("..")) problems.push("must not start with '..'");
  return problems;
};

function tooLong(text: string, max: number): string[] {
  return text.length > max ? [`must be no more than ${max} characters`] : [];
}

function patternProblem(text: string, pattern: string, examples: readonly string[]): string {
  const list = examples.map((example) => `'${example}'`).join(",  or ");
  return `${text} (e.g. ${list}, regex used for validation is '${pattern}')`;
}

function anchored(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`);
}
