import { NO_RETRY, NotificationError, type ServiceType } from "../types.ts";
import { basicAuthHeader, flagOption, listOption, numberOption, recordOption, textOption } from "./options.ts";

/** Prometheus' Alertmanager; one of several targets is enough, they tell each other. */
export const alertmanager: ServiceType = (options) => {
  const listed = listOption(options, "targets").map(String);
  const targets = listed.length === 0 ? ["127.0.0.1:9093"] : listed;
  const scheme = textOption(options, "scheme") || "http";
  const path = textOption(options, "apiPath") || "/api/v2/alerts";
  const timeoutMs = numberOption(options, "timeout", 3) * 1000;
  const bearer = textOption(options, "bearerToken");
  const headers = {
    "content-type": "application/json",
    ...(bearer === "" ? {} : { authorization: `Bearer ${bearer}` }),
    ...basicAuthHeader(options),
  };
  const insecure = flagOption(options, "insecureSkipVerify");
  return {
    prepare: ({ parts }, { now }) => {
      const part = recordOption(parts, "alertmanager");
      const labels = recordOption(part, "labels");
      if (Object.keys(labels).length === 0) {
        throw new NotificationError(
          "alertmanager: at least one label pair required (alertmanager.labels of the template)",
        );
      }
      const alert = {
        labels: { alertname: "argo-rollouts", ...labels },
        annotations: recordOption(part, "annotations"),
        generatorURL: textOption(part, "generatorURL"),
        startsAt: new Date(now).toISOString(),
      };
      const body = JSON.stringify([alert]);
      return targets.map((target) => {
        const url = `${scheme}://${target}${path}`;
        return {
          kind: "http" as const,
          request: { method: "POST", url, headers, body, insecure, timeoutMs },
          refusal: ({ status, text }) =>
            status === 200 ? null : `request to ${url} has failed with error code ${status} : ${text.slice(0, 500)}`,
          retry: NO_RETRY,
        };
      });
    },
  };
};
