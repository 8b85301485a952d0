import { MeasurementError, type ProviderContext } from "../provider.ts";
import type { OAuth2 } from "../types.ts";

/** MP-009: client credentials for a token (RFC 6749, section 4.4). Null when none are configured. */
export async function bearerToken(
  oauth2: OAuth2 | undefined,
  { http }: ProviderContext,
  { timeoutMs, insecure }: { readonly timeoutMs: number; readonly insecure: boolean },
): Promise<string | null> {
  const { tokenUrl, clientId, clientSecret, scopes = [] } = oauth2 ?? {};
  if (!tokenUrl && !clientId && !clientSecret) return null;
  if (!tokenUrl || !clientId || !clientSecret) {
    throw new MeasurementError("missing mandatory parameter in metric for OAuth2 setup");
  }
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  const answer = await http({
    method: "POST",
    url: tokenUrl,
    headers: {
      "Content-Type": "application/x-www-form-urlencoded",
      Authorization: basic(encodeURIComponent(clientId), encodeURIComponent(clientSecret)),
    },
    body: form.toString(),
    timeoutMs,
    insecure,
  });
  const token = tokenOf(answer.text);
  if (answer.status >= 300 || token === null) {
    throw new MeasurementError(`oauth2: cannot fetch token: ${answer.status}\nResponse: ${answer.text}`);
  }
  return token;
}

function tokenOf(text: string): string | null {
  try {
    const { access_token: token } = JSON.parse(text) as { access_token?: unknown };
    return typeof token === "string" && token !== "" ? token : null;
  } catch {
    return null;
  }
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}
