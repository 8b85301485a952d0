import { isRecord } from "../../base/json.ts";
import type { ServiceParties } from "../parties.ts";
import type { HeaderRoute, Wish } from "../router.ts";

/** What the AWS load balancer controller reads from annotations of an Ingress (ARC-401). Member names are its own. */

export const DEFAULT_PREFIX = "alb.ingress.kubernetes.io";

/** Which annotations belong to which release: JSON of release name → keys. */
export const BOOKKEEPING = "rollouts.argoproj.io/managed-alb-annotations";

export const STICKINESS_SECONDS = { min: 1, max: 604_800 } as const; // 7 days: the limit of the AWS API

export interface ForwardSettings {
  readonly parties: ServiceParties;
  readonly servicePort: number;
  /** Null: no stickiness. */
  readonly stickinessSeconds: number | null;
}

interface TargetGroup {
  readonly ServiceName?: string;
  readonly ServicePort?: string;
  readonly Weight?: number;
}

interface Action {
  readonly Type: "forward";
  readonly ForwardConfig: {
    readonly TargetGroups: readonly TargetGroup[];
    readonly TargetGroupStickinessConfig?: { readonly Enabled: true; readonly DurationSeconds: number };
  };
}

export function splitAction(settings: ForwardSettings, { weight, total, additional }: Wish): Action {
  const { canary, stable } = settings.parties;
  const taken = additional.reduce((sum, one) => sum + one.weight, 0);
  return action(settings, [
    [canary, weight],
    ...additional.map((one): [string, number] => [one.service, one.weight]),
    [stable, Math.max(0, total - weight - taken)],
  ]);
}

/** Everything to the canary. */
export function canaryAction(settings: ForwardSettings): Action {
  return action(settings, [[settings.parties.canary, 100]]);
}

function action({ servicePort, stickinessSeconds }: ForwardSettings, shares: readonly [string, number][]): Action {
  const TargetGroups = shares.map(([ServiceName, Weight]) => ({
    ServiceName,
    ServicePort: String(servicePort),
    Weight,
  }));
  const sticky =
    stickinessSeconds === null
      ? {}
      : { TargetGroupStickinessConfig: { Enabled: true as const, DurationSeconds: stickinessSeconds } };
  return { Type: "forward", ForwardConfig: { TargetGroups, ...sticky } };
}

interface HeaderCondition {
  readonly field: "http-header";
  readonly httpHeaderConfig: { readonly httpHeaderName: string; readonly values: readonly string[] };
}

/** Values of one header are alternatives. */
export function conditionsOf({ match }: HeaderRoute): readonly HeaderCondition[] {
  const byHeader = Map.groupBy(match, ({ headerName }) => headerName);
  return [...byHeader].map(([httpHeaderName, matches]) => ({
    field: "http-header",
    httpHeaderConfig: { httpHeaderName, values: matches.map(({ headerValue }) => headerValue.exact ?? "") },
  }));
}

/** In units of `total`; what cannot be read has no share. */
export function shareOf(text: string | undefined, { canary }: ServiceParties, total: number): number {
  const parsed = parse(text) as Partial<Action> | null;
  const groups = parsed?.ForwardConfig?.TargetGroups;
  if (!Array.isArray(groups)) return 0;
  const weights = groups.filter(isRecord).map((group): TargetGroup => group);
  const whole = weights.reduce((sum, { Weight = 0 }) => sum + Weight, 0);
  const own = weights.reduce((sum, { ServiceName, Weight = 0 }) => sum + (ServiceName === canary ? Weight : 0), 0);
  return whole > 0 ? Math.ceil((own * total) / whole) : 0;
}

/** Null: absent, or not JSON. */
export function parse(text: string | undefined): unknown {
  if (text === undefined || text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Null when the annotation cannot be read: then it is left as it is. */
export function bookkeeping(text: string | undefined): Record<string, readonly string[]> | null {
  if (text === undefined || text === "") return {};
  const parsed = parse(text);
  const isMap = isRecord(parsed) && Object.values(parsed).every((keys) => keys === null || Array.isArray(keys));
  return isMap ? (parsed as Record<string, readonly string[]>) : null;
}
