import { NotificationError, type ServiceType } from "../types.ts";
import { flagOption, numberOption, recordOption, requiredText, textOption } from "./options.ts";

const PORT = 25; // RFC 5321, section 4.5.4.2

/** A mail by SMTP; the recipient is one address, or several between commas. */
export const email: ServiceType = (options) => {
  const username = textOption(options, "username");
  const server = {
    host: requiredText(options, "host"),
    port: numberOption(options, "port", PORT),
    insecure: flagOption(options, "insecure_skip_verify"),
    credentials: username === "" ? null : { username, password: textOption(options, "password") },
  };
  const from = addressOf("from", requiredText(options, "from"));
  const isHtml = flagOption(options, "html");
  return {
    prepare: ({ message, parts }, { recipient, now }) => {
      const part = recordOption(parts, "email");
      const to = recipient
        .split(",")
        .map((one) => one.trim())
        .filter((one) => one !== "")
        .map((one) => addressOf("recipient", one));
      if (to.length === 0)
        throw new NotificationError("email needs a recipient: an address, or several between commas");
      const subject = textOption(part, "subject").replace(/\s+/g, " ").trim();
      const body = textOption(part, "body") || message;
      return [{ kind: "mail", server, mail: { from, to, subject, body, isHtml, date: new Date(now) } }];
    },
  };
};

/** What stands between the angle brackets, if there are any. White space would end the line that it is sent in. */
function addressOf(what: string, text: string): string {
  const address = /<([^<>]*)>\s*$/.exec(text)?.[1] ?? text;
  if (/[\r\n]/.test(text) || !/^[^\s<>@]+@[^\s<>@]+$/.test(address)) {
    throw new NotificationError(`${what}: expected a mail address, found "${text}"`);
  }
  return address;
}
