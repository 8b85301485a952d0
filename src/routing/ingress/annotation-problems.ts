import { PRINTABLE_LINE, PRINTABLE_WORD } from "./annotations.ts";
import type { ServedIngress } from "./location.ts";
import { unmetProtections } from "./protection.ts";
import { headerLineProblems } from "./settings-mse.ts";

/** Annotations that users know and this data plane does not follow: said, so that nobody waits for their effect. */

const CANARY_KEYS = [
  "canary-by-header",
  "canary-by-header-value",
  "canary-by-header-pattern",
  "canary-by-cookie",
  "canary-weight",
];

const WITHOUT_EFFECT: Readonly<Record<"nginx" | "mse" | "alb", ReadonlySet<string>>> = {
  nginx: new Set([
    "affinity",
    "affinity-canary-behavior",
    "affinity-mode",
    "auth-cache-duration",
    "auth-cache-key",
    "auth-method",
    "auth-proxy-set-headers",
    "auth-realm",
    "auth-response-headers",
    "auth-secret",
    "auth-secret-type",
    "auth-signin",
    "auth-snippet",
    "auth-tls-error-page",
    "auth-tls-match-cn",
    "auth-tls-pass-certificate-to-upstream",
    "auth-tls-verify-client",
    "auth-tls-verify-depth",
    "backend-protocol",
    "client-body-buffer-size",
    "configuration-snippet",
    "connection-proxy-header",
    "custom-headers",
    "custom-http-errors",
    "default-backend",
    "enable-access-log",
    "enable-global-auth",
    "enable-modsecurity",
    "enable-opentelemetry",
    "enable-opentracing",
    "enable-owasp-core-rules",
    "enable-rewrite-log",
    "from-to-www-redirect",
    "global-rate-limit",
    "http2-push-preload",
    "limit-burst-multiplier",
    "limit-connections",
    "limit-rate",
    "limit-rate-after",
    "limit-rpm",
    "limit-rps",
    "limit-whitelist",
    "load-balance",
    "mirror-host",
    "mirror-request-body",
    "mirror-target",
    "modsecurity-snippet",
    "preserve-trailing-slash",
    "proxy-body-size",
    "proxy-buffer-size",
    "proxy-buffering",
    "proxy-buffers-number",
    "proxy-busy-buffers-size",
    "proxy-connect-timeout",
    "proxy-cookie-domain",
    "proxy-cookie-path",
    "proxy-http-version",
    "proxy-max-temp-file-size",
    "proxy-next-upstream",
    "proxy-next-upstream-timeout",
    "proxy-next-upstream-tries",
    "proxy-read-timeout",
    "proxy-redirect-from",
    "proxy-redirect-to",
    "proxy-request-buffering",
    "proxy-send-timeout",
    "proxy-ssl-ciphers",
    "proxy-ssl-name",
    "proxy-ssl-protocols",
    "proxy-ssl-secret",
    "proxy-ssl-server-name",
    "proxy-ssl-verify",
    "proxy-ssl-verify-depth",
    "satisfy",
    "server-alias",
    "server-snippet",
    "service-upstream",
    "session-cookie-change-on-failure",
    "session-cookie-conditional-samesite-none",
    "session-cookie-domain",
    "session-cookie-expires",
    "session-cookie-max-age",
    "session-cookie-name",
    "session-cookie-path",
    "session-cookie-samesite",
    "session-cookie-secure",
    "ssl-ciphers",
    "ssl-passthrough",
    "ssl-prefer-server-ciphers",
    "stream-snippet",
    "upstream-hash-by",
    "upstream-hash-by-subset",
    "upstream-hash-by-subset-size",
    "x-forwarded-prefix",
  ]),
  mse: new Set([
    "affinity",
    "backend-protocol",
    "default-backend",
    "destination",
    "enable-rewrite",
    "load-balance",
    "proxy-next-upstream",
    "route-limit-rpm",
    "route-limit-rps",
    "upstream-hash-by",
  ]),
  alb: new Set([
    "backend-keepalive",
    "backend-protocol",
    "backend-scheduler",
    "cors-allow-origin",
    "enable-cors",
    "force-ssl-redirect",
    "healthcheck-enabled",
    "listen-ports",
    "rewrite-target",
    "slow-start-enabled",
    "ssl-redirect",
    "sticky-session",
    "traffic-limit-qps",
    "traffic-mirror",
    "use-regex",
  ]),
};

/** What the proxy does anyway. */
const ALREADY_SO: Readonly<Record<string, readonly string[]>> = {
  "backend-protocol": ["HTTP", "http"],
  "enable-rewrite": ["true"],
};

/** What is sent as it is written, and so must have its form. */
const SENT: Readonly<Record<string, RegExp>> = {
  "app-root": PRINTABLE_WORD,
  "cors-allow-headers": PRINTABLE_LINE,
  "cors-allow-methods": PRINTABLE_LINE,
  "cors-allow-origin": PRINTABLE_LINE,
  "cors-expose-headers": PRINTABLE_LINE,
  "permanent-redirect": PRINTABLE_WORD,
  "rewrite-path": PRINTABLE_WORD,
  "rewrite-target": PRINTABLE_WORD,
  "temporal-redirect": PRINTABLE_WORD,
  "upstream-vhost": PRINTABLE_WORD,
};

export function annotationProblems(ingress: ServedIngress): readonly string[] {
  const { annotations, dialect, isCanary, object } = ingress;
  const list = dialect.name === "alb" ? "alb" : dialect.settings;
  const known = list === null ? new Set<string>() : WITHOUT_EFFECT[list];
  const ineffective = annotations.keys.filter(
    (key) => known.has(key) && !ALREADY_SO[key]?.includes(annotations.text(key) ?? ""),
  );
  const problems = ineffective.map((key) => `annotation ${key} has no effect`);
  // Of a canary only its canary annotations are read (MESH-327).
  for (const key of isCanary ? [] : unmetProtections(ingress)) {
    problems.push(`annotation ${key} is not supported: without this protection its requests are answered 503`);
  }
  if (!isCanary && dialect.canary !== null && CANARY_KEYS.some((key) => annotations.text(key))) {
    problems.push("canary annotations are configured but not enabled"); // MESH-328
  }
  for (const key of ["canary-weight", "canary-weight-total"]) {
    const text = annotations.text(key);
    if (text !== undefined && annotations.count(key) === undefined) {
      problems.push(`annotation ${key} is not a whole number: ${JSON.stringify(text)}`);
    }
  }
  const unsendable = annotations.keys.filter((key) => {
    const value = annotations.text(key) ?? "";
    return value !== "" && SENT[key] !== undefined && !SENT[key].test(value);
  });
  problems.push(...unsendable.map((key) => `annotation ${key} has characters that cannot be sent`));
  if (dialect.settings === "mse") problems.push(...headerLineProblems(annotations));
  if (object.spec?.tls?.length) problems.push("tls is not terminated here: requests are served over plain HTTP only");
  return problems;
}
