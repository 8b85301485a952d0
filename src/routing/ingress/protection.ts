import type { IngressDialect } from "./dialects.ts";
import type { ServedIngress } from "./location.ts";

/**
 * Annotations that keep requests out, in ways that this data plane does not have. To serve such an Ingress without them
 * would open what its owner has closed, so its requests are refused, as ingress-nginx does when it cannot set them up.
 */
const PROTECTIVE: Readonly<Record<NonNullable<IngressDialect["settings"]>, readonly string[]>> = {
  nginx: ["auth-tls-secret", "auth-type", "auth-url", "denylist-source-range", "whitelist-source-range"],
  mse: ["auth-type", "blacklist-source-range", "whitelist-source-range"],
};

/** What a range that lets everybody in says. */
const EVERYBODY = /(?:^|,)\s*0\.0\.0\.0\/0\s*(?:,|$)/;

/** The annotations for which the requests of an Ingress are refused. */
export function unmetProtections({ annotations, dialect }: ServedIngress): readonly string[] {
  if (dialect.settings === null) return [];
  return PROTECTIVE[dialect.settings].filter((key) => {
    const value = annotations.text(key) ?? "";
    return value !== "" && !(key === "whitelist-source-range" && EVERYBODY.test(value));
  });
}
