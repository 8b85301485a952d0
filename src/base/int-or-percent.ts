/** Kubernetes' IntOrString used as a count or a percentage: `3`, `"3"`, `"25%"`. */
export type IntOrPercent = number | string;

/**
 * The absolute value of a count or percentage of `total`; null when the text is neither.
 * Callers say how to round, since Kubernetes rounds maxSurge up and maxUnavailable down (K8S-213).
 */
export function resolveIntOrPercent(value: IntOrPercent, total: number, round: "up" | "down"): number | null {
  if (typeof value === "number") return Number.isInteger(value) ? value : null;
  const percent = /^(\d+)%$/.exec(value);
  if (percent) {
    const exact = (Number(percent[1]) * total) / 100;
    return round === "up" ? Math.ceil(exact) : Math.floor(exact);
  }
  return /^-?\d+$/.test(value) ? Number(value) : null;
}
