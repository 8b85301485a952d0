import { isRecord } from "../../../../base/json.ts";
import { type Delivery, NotificationError, type ServiceType, TIMEOUT_MS } from "../types.ts";
import {
  basicAuthHeader,
  durationMsOption,
  flagOption,
  listOption,
  numberOption,
  recordOption,
  requiredText,
  textOption,
  urlOption,
} from "./options.ts";

/** NO-007: any HTTP endpoint; the template's `webhook.<service>` says method, path and body. */
export const webhook: ServiceType = (options) => {
  const url = urlOption(options, "url");
  const insecure = flagOption(options, "insecureSkipVerify");
  const headers = { ...headersOf(options), ...basicAuthHeader(options) };
  const retry = {
    times: numberOption(options, "retryMax", 3),
    waitMs: durationMsOption(options, "retryWaitMin", 1000),
    waitMaxMs: durationMsOption(options, "retryWaitMax", 5000),
  };
  return {
    prepare: ({ message, parts }, { service }): readonly Delivery[] => {
      const part = recordOption(recordOption(parts, "webhook"), service);
      const hasPart = Object.keys(part).length > 0;
      const path = textOption(part, "path");
      const method = (textOption(part, "method") || "GET").toUpperCase();
      const body = hasPart ? textOption(part, "body") : message;
      const target = path === "" ? url : `${url.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;
      // Fetch has no body for these; a receiver would not read it either.
      const hasBody = method !== "GET" && method !== "HEAD" && body !== "";
      return [
        {
          kind: "http",
          request: { method, url: target, headers, insecure, timeoutMs: TIMEOUT_MS, ...(hasBody ? { body } : {}) },
          refusal: ({ status, text }) =>
            status >= 200 && status <= 299
              ? null
              : `request to ${new URL(target).origin} has failed with error code ${status} : ${text.slice(0, 500)}`,
          retry,
        },
      ];
    },
  };
};

function headersOf(options: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const entries = listOption(options, "headers").map((header) => {
    if (!isRecord(header)) throw new NotificationError("headers: expected a list of {name, value}");
    return [requiredText(header, "name").toLowerCase(), textOption(header, "value")] as const;
  });
  return Object.fromEntries(entries);
}
