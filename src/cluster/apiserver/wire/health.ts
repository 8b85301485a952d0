/** One condition of being healthy or ready, asked at each request. */
export interface HealthCheck {
  readonly name: string;
  isOk(): boolean;
}

export interface HealthAnswer {
  readonly code: 200 | 500;
  readonly text: string;
}

/** `/healthz`, `/livez`, `/readyz`: one word, or with `?verbose` one line a check (K8S-65). */
export function answerHealth(endpoint: string, checks: readonly HealthCheck[], verbose: boolean): HealthAnswer {
  const results = checks.map((check) => ({ name: check.name, ok: check.isOk() }));
  const ok = results.every((result) => result.ok);
  if (ok && !verbose) return { code: 200, text: "ok" };
  const lines = results.map(({ name, ok }) => (ok ? `[+]${name} ok` : `[-]${name} failed: reason withheld`));
  return { code: ok ? 200 : 500, text: [...lines, `${endpoint} check ${ok ? "passed" : "failed"}`, ""].join("\n") };
}
