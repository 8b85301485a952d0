import { compileJsonPath } from "../../kube/json-path.ts";
import type { Result } from "../condition.ts";
import type { Value } from "../expression/index.ts";
import { MeasurementError, type Provider } from "../provider.ts";
import type { WebMetric } from "../types.ts";
import { bearerToken } from "./oauth2.ts";

/** Any HTTP service that answers JSON or a plain text (section 5.2). */
export const web: Provider = {
  type: "Web",
  async measure({ metric }, context) {
    const config = metric.provider.web ?? {};
    const timeoutMs = (config.timeoutSeconds || TIMEOUT_SECONDS) * 1000;
    const insecure = config.insecure === true;
    const method = config.method || "GET";
    const body = bodyOf(config, method);
    if (config.authentication?.sigv4 && Object.values(config.authentication.sigv4).some(Boolean)) {
      throw new MeasurementError("SigV4 authentication of web metrics is not available in this installation");
    }
    const headers = Object.fromEntries((config.headers ?? []).map(({ key, value }) => [key, value]));
    if (config.jsonBody !== undefined) headers["Content-Type"] = "application/json";
    const token = await bearerToken(config.authentication?.oauth2, context, { timeoutMs, insecure });
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    const request = { method, url: config.url ?? "", headers, timeoutMs, insecure };
    const answer = await context.http({ ...request, ...(body === undefined ? {} : { body }) }).catch((error: Error) => {
      throw new MeasurementError(withClientTimeout(error.message));
    });
    if (answer.status < 200 || answer.status >= 300) {
      throw new MeasurementError(`received non 2xx response code: ${answer.status}`);
    }
    return { kind: "result", result: resultOf(answer.text, config.jsonPath || "{$}") };
  },
};

const TIMEOUT_SECONDS = 10; // MP-020

function withClientTimeout(message: string): string {
  const text = "context deadline exceeded";
  return message.endsWith(text) ? `${message} (Client.Timeout exceeded while awaiting headers)` : message;
}

/** MP-021. */
function bodyOf({ body, jsonBody }: WebMetric, method: string): string | undefined {
  if (body && jsonBody !== undefined) {
    throw new MeasurementError("use either Body or JSONBody; both cannot exists for WebMetric payload");
  }
  const text = jsonBody === undefined ? body || undefined : JSON.stringify(jsonBody);
  if (text !== undefined && method !== "POST" && method !== "PUT") {
    throw new MeasurementError("Body/JSONBody can only be used with POST or PUT WebMetric Method types");
  }
  return text;
}

/** MP-022: the first match of the path; a body that is not JSON is itself the result. */
function resultOf(body: string, jsonPath: string): Result {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    return { value: body, text: body };
  }
  const path = compileJsonPath(jsonPath);
  if (!path) throw new MeasurementError(`Could not find JSONPath in body: ${jsonPath} is not a JSONPath`);
  const found = path.evaluate(document);
  if (found.length === 0) throw new MeasurementError(`Could not find JSONPath in body: ${jsonPath} is not found`);
  const [value] = found;
  if (value === undefined || value === null)
    throw new MeasurementError("result of web metric produced no value", {}, { isNoData: true });
  return { value: value as Value, text: JSON.stringify(value) };
}
