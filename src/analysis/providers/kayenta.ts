import { isRecord } from "../../base/json.ts";
import { formatFloat } from "../expression/index.ts";
import { MeasurementError, type Provider, type ProviderAnswer, type ProviderContext } from "../provider.ts";
import type { AnalysisPhase } from "../types.ts";
import { exchangeJson, joinUrl } from "./exchange.ts";

interface Scope {
  readonly scope: string;
  readonly region: string;
  readonly step: number;
  readonly start: string;
  readonly end: string;
}

interface Config {
  readonly address: string;
  readonly application: string;
  readonly canaryConfigName: string;
  readonly metricsAccountName: string;
  readonly configurationAccountName: string;
  readonly storageAccountName: string;
  readonly threshold: { readonly pass: number; readonly marginal: number };
  readonly scopes: readonly { readonly name: string; readonly controlScope: Scope; readonly experimentScope: Scope }[];
}

const POLL_MS = 15_000;
const EXECUTION = "canaryExecutionId";

/** Spinnaker's judge (section 5.4): a comparison that takes its time, asked about every 15 s. */
export const kayenta: Provider = {
  type: "Kayenta",
  async measure({ metric }, context) {
    const config = metric.provider.kayenta as unknown as Config;
    const id = await configId(config, context);
    const accounts = {
      application: config.application,
      metricsAccountName: config.metricsAccountName,
      configurationAccountName: config.configurationAccountName,
      storageAccountName: config.storageAccountName,
    };
    const scopes = config.scopes.map(({ name, controlScope, experimentScope }) => [
      name,
      { controlScope, experimentScope },
    ]);
    const body = { scopes: Object.fromEntries(scopes), thresholds: config.threshold };
    const url = `${joinUrl(config.address, `/canary/${id}`)}?${new URLSearchParams(accounts)}`;
    const answer = await exchangeJson<unknown>({ method: "POST", url, body }, context);
    const execution = isRecord(answer) ? answer[EXECUTION] : undefined;
    if (typeof execution !== "string") throw new MeasurementError("Invalid Response");
    return waiting({ canaryConfigId: id, [EXECUTION]: execution }, context);
  },
  async resume({ metric, measurement }, context) {
    const config = metric.provider.kayenta as unknown as Config;
    const execution = measurement.metadata?.[EXECUTION] ?? "";
    const url = joinUrl(config.address, `/canary/${execution}`);
    const answer = await exchangeJson<unknown>({ method: "GET", url }, context);
    if (!isRecord(answer) || typeof answer["complete"] !== "boolean")
      throw new MeasurementError("Missing Complete Status");
    if (!answer["complete"]) return waiting({}, context);
    return judged(scoreOf(answer), config.threshold);
  },
};

async function configId({ address, application, canaryConfigName }: Config, context: ProviderContext): Promise<string> {
  const url = `${joinUrl(address, "/canaryConfig")}?${new URLSearchParams({ application })}`;
  const configs = await exchangeJson<unknown>({ method: "GET", url }, context);
  const found = Array.isArray(configs)
    ? configs.find((one) => isRecord(one) && one["name"] === canaryConfigName)
    : undefined;
  const id = isRecord(found) ? found["id"] : undefined;
  if (typeof id !== "string") throw new MeasurementError("Canary config not found");
  return id;
}

function waiting(metadata: Readonly<Record<string, string>>, { clock }: ProviderContext): ProviderAnswer {
  return { kind: "outcome", outcome: { phase: "Running", resumeAt: clock.now() + POLL_MS, metadata } };
}

function scoreOf(answer: Record<string, unknown>): number {
  let value: unknown = answer;
  for (const name of ["result", "judgeResult", "score", "score"]) value = isRecord(value) ? value[name] : undefined;
  if (typeof value !== "number") throw new MeasurementError("Missing Score");
  return value;
}

function judged(score: number, { pass, marginal }: Config["threshold"]): ProviderAnswer {
  const phase: AnalysisPhase = score >= pass ? "Successful" : score >= marginal ? "Inconclusive" : "Failed";
  return { kind: "outcome", outcome: { phase, value: formatFloat(score) } };
}
