import { isRecord } from "../../../../base/json.ts";
import { NO_RETRY, NotificationError, type ServiceType, TIMEOUT_MS } from "../types.ts";
import { flagOption, parseJsonText, recordOption, requiredText, textOption, urlOption } from "./options.ts";

const API = "https://slack.com/api/";

/** Slack's `chat.postMessage`; the recipient is a channel. */
export const slack: ServiceType = (options) => {
  const token = requiredText(options, "token");
  const api = options["apiURL"] === undefined ? API : urlOption(options, "apiURL");
  const insecure = flagOption(options, "insecureSkipVerify");
  const disableUnfurl = flagOption(options, "disableUnfurl");
  return {
    prepare: ({ message, parts }, { recipient }) => {
      if (recipient === "") throw new NotificationError("slack needs a recipient: the channel");
      const part = recordOption(parts, "slack");
      const icon = textOption(part, "icon") || textOption(options, "icon");
      const body = {
        channel: recipient,
        text: message,
        ...named("username", textOption(part, "username") || textOption(options, "username")),
        ...named(/^:.+:$/.test(icon) ? "icon_emoji" : "icon_url", icon),
        ...json("attachments", textOption(part, "attachments")),
        ...json("blocks", textOption(part, "blocks")),
        ...(disableUnfurl ? { unfurl_links: false, unfurl_media: false } : {}),
      };
      return [
        {
          kind: "http",
          request: {
            method: "POST",
            url: `${api.replace(/\/+$/, "")}/chat.postMessage`,
            headers: { authorization: `Bearer ${token}`, "content-type": "application/json; charset=utf-8" },
            body: JSON.stringify(body),
            insecure,
            timeoutMs: TIMEOUT_MS,
          },
          refusal: ({ status, text }) => refusalOf(status, text),
          retry: NO_RETRY,
        },
      ];
    },
  };
};

function named(name: string, value: string): Readonly<Record<string, string>> {
  return value === "" ? {} : { [name]: value };
}

function json(name: string, text: string): Readonly<Record<string, unknown>> {
  return text.trim() === "" ? {} : { [name]: parseJsonText(`slack.${name}`, text) };
}

/** Slack answers 200 to most mistakes and says in the body what is wrong. */
function refusalOf(status: number, text: string): string | null {
  if (status !== 200) return `slack answered ${status}: ${text.slice(0, 200)}`;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return `slack answered with something else than JSON: ${text.slice(0, 200)}`;
  }
  if (isRecord(answer) && answer["ok"] === true) return null;
  return `slack refused: ${isRecord(answer) ? String(answer["error"] ?? "no reason given") : text.slice(0, 200)}`;
}
