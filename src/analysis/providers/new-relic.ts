import type { Value } from "../expression/index.ts";
import { MeasurementError, type Provider } from "../provider.ts";
import { exchangeJson, joinUrl } from "./exchange.ts";

interface Config {
  readonly profile?: string;
  readonly query?: string;
  readonly timeout?: number;
}

interface Answer {
  readonly data?: {
    readonly actor?: { readonly account?: { readonly nrql?: { readonly results?: readonly Value[] } | null } | null };
  };
  readonly errors?: readonly { readonly message: string }[];
}

const PROFILE = "newrelic";
const TIMEOUT_SECONDS = 5;
const ADDRESSES: Readonly<Record<string, string>> = {
  us: "https://api.newrelic.com/graphql",
  eu: "https://api.eu.newrelic.com/graphql",
};
const NRQL =
  "query($accountId: Int!, $query: Nrql!, $timeout: Seconds!) { actor { account(id: $accountId) { nrql(query: $query, timeout: $timeout) { results } } } }";

/** New Relic's NerdGraph (section 5.4). */
export const newRelic: Provider = {
  type: "NewRelic",
  async measure({ metric }, context) {
    const { profile = PROFILE, query = "", timeout = TIMEOUT_SECONDS } = (metric.provider.newRelic ?? {}) as Config;
    const metricMetadata = { ResolvedNewRelicQuery: query };
    const secret = await context.secrets({ namespace: context.controllerNamespace, name: profile });
    const key = secret["personal-api-key"];
    const account = secret["account-id"];
    if (!key || !account) throw new MeasurementError("account ID or personal API key not found", metricMetadata);
    const region = (secret["region"] || "us").toLowerCase();
    const address = secret["base-url-nerdgraph"] || ADDRESSES[region];
    if (!address) throw new MeasurementError(`unknown New Relic region ${region}`, metricMetadata);
    const body = { query: NRQL, variables: { accountId: Number(account), query, timeout } };
    const request = { method: "POST" as const, url: joinUrl(address, ""), headers: { "API-Key": key }, body };
    const answer = await exchangeJson<Answer>({ ...request, timeoutMs: (timeout + 1) * 1000 }, context);
    if (answer.errors?.length) {
      throw new MeasurementError(answer.errors.map(({ message }) => message).join("; "), metricMetadata);
    }
    const results = answer.data?.actor?.account?.nrql?.results ?? [];
    if (results.length === 0)
      throw new MeasurementError("no results returned from NRQL query", metricMetadata, { isNoData: true });
    // One row is the row itself: users write `result.average`.
    const value = results.length === 1 ? results[0]! : results;
    return { kind: "result", result: { value, text: JSON.stringify(value) }, metricMetadata };
  },
};
