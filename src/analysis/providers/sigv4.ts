import { createHash, createHmac } from "node:crypto";
import { MeasurementError, type ProviderContext } from "../provider.ts";

/** AWS Signature Version 4 with the credentials of the environment, for requests whose body is known. */
export interface SignRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly service: string;
  readonly region: string;
}

/** The request's headers with the signature added. */
export function signed(request: SignRequest, { environment, clock }: ProviderContext): Record<string, string> {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = environment;
  if (!id || !secret) {
    throw new MeasurementError("AWS credentials are missing: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
  }
  const time = new Date(clock.now()).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const url = new URL(request.url);
  const headers: Record<string, string> = {
    ...request.headers,
    Host: url.host,
    "X-Amz-Date": time,
    ...(token ? { "X-Amz-Security-Token": token } : {}),
  };
  const scope = `${time.slice(0, 8)}/${request.region}/${request.service}/aws4_request`;
  const names = Object.keys(headers).sort((left, right) => (left.toLowerCase() < right.toLowerCase() ? -1 : 1));
  const signedNames = names.map((name) => name.toLowerCase()).join(";");
  const canonical = [
    request.method,
    url.pathname,
    url.searchParams.toString(),
    ...names.map((name) => `${name.toLowerCase()}:${headers[name]!.trim()}`),
    "",
    signedNames,
    sha256(request.body),
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = scope.split("/").reduce<string | Buffer>((previous, part) => hmac(previous, part), `AWS4${secret}`);
  const signature = createHmac("sha256", key).update(text).digest("hex");
  return {
    ...headers,
    Authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${signedNames}, Signature=${signature}`,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}
