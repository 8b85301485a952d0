import { NotificationError, type Service, type ServiceType } from "../types.ts";
import { alertmanager } from "./alertmanager.ts";
import { dingtalk, feishu, wecom } from "./chat-robots.ts";
import { email } from "./email.ts";
import { slack } from "./slack.ts";
import { webhook } from "./webhook.ts";

const serviceTypes: Readonly<Record<string, ServiceType>> = {
  webhook,
  slack,
  email,
  alertmanager,
  dingtalk,
  feishu,
  wecom,
};

/** The original's other services: known, and not built (NO-006). */
const NOT_BUILT: ReadonlySet<string> = new Set([
  ...["awssqs", "mattermost", "rocketchat", "grafana", "opsgenie", "telegram", "github", "teams"],
  ...[
    "teams-workflows",
    "googlechat",
    "pushover",
    "webex",
    "newrelic",
    "pagerduty",
    "pagerdutyv2",
    "nats",
    "gcppubsub",
  ],
]);

/** Throws NotificationError for options that cannot be right, and for types that are not built. */
export function createService(type: string, options: Readonly<Record<string, unknown>>): Service {
  const make = Object.hasOwn(serviceTypes, type) ? serviceTypes[type] : undefined;
  if (make) return { type, ...make(options) };
  const built = Object.keys(serviceTypes).join(", ");
  throw new NotificationError(
    NOT_BUILT.has(type)
      ? `service type '${type}' is not available in this version; built are: ${built}`
      : `service type '${type}' is not supported; there are: ${built}`,
  );
}
