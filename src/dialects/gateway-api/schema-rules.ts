import type { CrdSchema } from "../../kube/crd.ts";

/**
 * What the schemas' shapes cannot say, as rules that the API server runs with every write. The data plane does not rely on
 * them: an object that came in another way is judged by `routing/gateway-api`.
 */

interface Rule {
  readonly rule: string;
  readonly message: string;
}

export function withRules(schema: CrdSchema, rules: readonly Rule[]): CrdSchema {
  return { ...schema, "x-kubernetes-validations": rules.map((rule) => ({ ...rule })) };
}

/** A union: `type` says which of the members there is. */
export function unionRules(members: Readonly<Record<string, string>>): readonly Rule[] {
  return Object.entries(members).flatMap(([type, member]) => [
    { rule: `self.type != '${type}' || has(self.${member})`, message: `${member} is required for type ${type}` },
    { rule: `self.type == '${type}' || !has(self.${member})`, message: `${member} is only for type ${type}` },
  ]);
}

const ONCE = ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS"];

/** For a list of filters. */
export const filterListRules: readonly Rule[] = [
  {
    rule: "!(self.exists(f, f.type == 'RequestRedirect') && self.exists(f, f.type == 'URLRewrite'))",
    message: "RequestRedirect and URLRewrite exclude each other",
  },
  ...ONCE.map((type) => ({
    rule: `self.filter(f, f.type == '${type}').size() <= 1`,
    message: `${type} may be there only once`,
  })),
];

export const backendRules: readonly Rule[] = [
  {
    rule: "self.group != '' || self.kind != 'Service' || has(self.port)",
    message: "port is required for a Service",
  },
];

const hasPrefixReplacement = (filter: string, member: string) =>
  `self.filters.exists(f, f.type == '${filter}' && has(f.${member}) && has(f.${member}.path) && f.${member}.path.type == 'ReplacePrefixMatch')`;
const HAS_ONE_PREFIX = "has(self.matches) && self.matches.size() == 1 && self.matches[0].path.type == 'PathPrefix'";

/** For one rule of a route. */
export const routeRuleRules: readonly Rule[] = [
  {
    rule: "!has(self.backendRefs) || self.backendRefs.size() == 0 || !has(self.filters) || self.filters.all(f, f.type != 'RequestRedirect')",
    message: "RequestRedirect leaves nothing for backendRefs",
  },
  ...[["RequestRedirect", "requestRedirect"] as const, ["URLRewrite", "urlRewrite"] as const].map(
    ([filter, member]) => ({
      rule: `!has(self.filters) || !${hasPrefixReplacement(filter, member)} || (${HAS_ONE_PREFIX})`,
      message: `ReplacePrefixMatch in ${filter} needs exactly one match, of type PathPrefix`,
    }),
  ),
];

/** The path is one that a normalised request can have. */
export const pathRules: readonly Rule[] = [
  { rule: "self.value.startsWith('/')", message: "value must begin with /" },
  ...["//", "/./", "/../", "%2f", "%2F", "#"].map((part) => ({
    rule: `!self.value.contains('${part}')`,
    message: `value must not contain ${part}`,
  })),
  ...["/.", "/.."].map((end) => ({
    rule: `!self.value.endsWith('${end}')`,
    message: `value must not end with ${end}`,
  })),
  {
    rule: "self.value.matches('^([-A-Za-z0-9/._~!$&\\'()*+,;=:@]|%[0-9a-fA-F]{2})+$')",
    message: "value must have only characters of a path; others are written as %XX",
  },
].map(({ rule, message }) => ({
  rule: `self.type == 'RegularExpression' || ${rule}`,
  message: `for type Exact or PathPrefix ${message}`,
}));

export const mirrorRules: readonly Rule[] = [
  { rule: "!(has(self.percent) && has(self.fraction))", message: "percent and fraction exclude each other" },
];

export const fractionRules: readonly Rule[] = [
  { rule: "self.numerator <= self.denominator", message: "numerator must not be greater than denominator" },
];

export const timeoutRules: readonly Rule[] = [
  {
    rule: "!(has(self.request) && has(self.backendRequest)) || duration(self.request) == duration('0s') || duration(self.backendRequest) <= duration(self.request)",
    message: "backendRequest must not be longer than request",
  },
];

/** For `parentRefs`: the same part of the same parent twice would make two answers of one. */
export const parentRules: readonly Rule[] = [
  {
    rule: [
      "self.all(a, self.exists_one(b, a.group == b.group && a.kind == b.kind && a.name == b.name",
      // CEL reserves the word namespace.
      "(has(a.__namespace__) ? a.__namespace__ : '') == (has(b.__namespace__) ? b.__namespace__ : '')",
      "(has(a.sectionName) ? a.sectionName : '') == (has(b.sectionName) ? b.sectionName : '')",
      "(has(a.port) ? a.port : 0) == (has(b.port) ? b.port : 0)))",
    ].join(" && "),
    message: "entries for the same parent must differ in sectionName or port",
  },
];

/** For `listeners`. */
export const listenerRules: readonly Rule[] = [
  {
    rule: "self.all(a, self.exists_one(b, a.port == b.port && a.protocol == b.protocol && (has(a.hostname) ? a.hostname : '') == (has(b.hostname) ? b.hostname : '')))",
    message: "listeners must differ in port, protocol or hostname",
  },
  {
    rule: "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
    message: "tls is not for protocols HTTP, TCP and UDP",
  },
  {
    rule: "self.all(l, l.protocol in ['TCP', 'UDP'] ? !has(l.hostname) || l.hostname == '' : true)",
    message: "hostname is not for protocols TCP and UDP",
  },
];
