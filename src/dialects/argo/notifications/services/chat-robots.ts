import { createHmac } from "node:crypto";
import { isRecord } from "../../../../base/json.ts";
import { NO_RETRY, NotificationError, type ServiceType, TIMEOUT_MS } from "../types.ts";
import { flagOption, recordOption, textOption, urlOption } from "./options.ts";

/**
 * The group robots of DingTalk, Feishu and WeCom (NO-006): a URL a group, and where the group asks for it a signature. The
 * recipient names an entry of `recipientUrls`; without one it is `url`. The template's `dingtalk`, `feishu` or `wecom` part
 * may have `title` and `markdown`; without it the message goes as text.
 */

interface Written {
  readonly title: string;
  readonly markdown: string;
  readonly text: string;
}

interface Robot {
  readonly part: "dingtalk" | "feishu" | "wecom";
  body(written: Written): Record<string, unknown>;
  /** What a signature adds to the URL and to the body. */
  sign(secret: string, now: number): { readonly query: string; readonly body: Record<string, unknown> };
  /** The member of the answer that is 0 when all is well. */
  readonly code: string;
  readonly reason: string;
}

const unsigned = { query: "", body: {} } as const;

const robots: Readonly<Record<Robot["part"], Robot>> = {
  dingtalk: {
    part: "dingtalk",
    body: ({ title, markdown, text }) =>
      markdown === ""
        ? { msgtype: "text", text: { content: text } }
        : { msgtype: "markdown", markdown: { title: title || text, text: markdown } },
    sign: (secret, now) => {
      const digest = createHmac("sha256", secret).update(`${now}\n${secret}`).digest("base64");
      return { query: `timestamp=${now}&sign=${encodeURIComponent(digest)}`, body: {} };
    },
    code: "errcode",
    reason: "errmsg",
  },
  feishu: {
    part: "feishu",
    body: ({ title, markdown, text }) =>
      markdown === ""
        ? { msg_type: "text", content: { text } }
        : {
            msg_type: "interactive",
            card: {
              header: { title: { tag: "plain_text", content: title || text } },
              elements: [{ tag: "markdown", content: markdown }],
            },
          },
    sign: (secret, now) => {
      const timestamp = String(Math.floor(now / 1000));
      const sign = createHmac("sha256", `${timestamp}\n${secret}`).update("").digest("base64");
      return { query: "", body: { timestamp, sign } };
    },
    code: "code",
    reason: "msg",
  },
  wecom: {
    part: "wecom",
    body: ({ title, markdown, text }) =>
      markdown === ""
        ? { msgtype: "text", text: { content: text } }
        : { msgtype: "markdown", markdown: { content: title === "" ? markdown : `**${title}**\n${markdown}` } },
    sign: () => {
      throw new NotificationError("wecom robots have no secret: the key in their URL is all they ask for");
    },
    code: "errcode",
    reason: "errmsg",
  },
};

function serviceOf(robot: Robot): ServiceType {
  return (options) => {
    const secret = textOption(options, "secret");
    if (secret !== "") robot.sign(secret, 0);
    const insecure = flagOption(options, "insecureSkipVerify");
    const urls = recordOption(options, "recipientUrls");
    const fallback = options["url"] === undefined ? null : urlOption(options, "url");
    if (fallback === null && Object.keys(urls).length === 0) {
      throw new NotificationError("url is missing: the robot's webhook, or recipientUrls with one for each recipient");
    }
    return {
      prepare: ({ message, parts }, { recipient, now }) => {
        const known = urls[recipient] === undefined ? fallback : urlOption(urls, recipient);
        if (known === null) {
          const names = Object.keys(urls).join(", ");
          throw new NotificationError(`no URL for recipient "${recipient}"; recipientUrls has: ${names}`);
        }
        const part = recordOption(parts, robot.part);
        const written = { title: textOption(part, "title"), markdown: textOption(part, "markdown"), text: message };
        const signature = secret === "" ? unsigned : robot.sign(secret, now);
        const join = known.includes("?") ? "&" : "?";
        const request = {
          method: "POST",
          url: signature.query === "" ? known : `${known}${join}${signature.query}`,
          headers: { "content-type": "application/json; charset=utf-8" },
          body: JSON.stringify({ ...signature.body, ...robot.body(written) }),
          insecure,
          timeoutMs: TIMEOUT_MS,
        };
        return [
          { kind: "http", request, refusal: ({ status, text }) => refusalOf(robot, status, text), retry: NO_RETRY },
        ];
      },
    };
  };
}

/** They answer 200 to mistakes too, with a code that is not 0. */
function refusalOf({ part, code, reason }: Robot, status: number, text: string): string | null {
  if (status !== 200) return `${part} answered ${status}: ${text.slice(0, 200)}`;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return `${part} answered with something else than JSON: ${text.slice(0, 200)}`;
  }
  if (!isRecord(answer)) return `${part} answered ${text.slice(0, 200)}`;
  if (answer[code] === 0 || answer["StatusCode"] === 0) return null;
  return `${part} refused: ${String(answer[reason] ?? text.slice(0, 200))} (${code} ${String(answer[code])})`;
}

export const dingtalk = serviceOf(robots.dingtalk);
export const feishu = serviceOf(robots.feishu);
export const wecom = serviceOf(robots.wecom);
