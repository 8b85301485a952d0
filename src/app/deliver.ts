import { hostname } from "node:os";
import { createHttp } from "../analysis/http.ts";
import type { Clock } from "../base/clock.ts";
import { secretToken } from "../base/random.ts";
import type { Delivery } from "../dialects/argo/notifications/types.ts";
import { sendMail } from "./smtp.ts";

/** Sends one notification, once: whoever tries a configuration out wants to see its first failure. */
export async function deliverOnce(delivery: Delivery, clock: Clock): Promise<void> {
  if (delivery.kind === "mail") {
    const messageId = `${secretToken(18)}@${hostname()}`;
    await sendMail(delivery, { clock, messageId, signal: new AbortController().signal });
    return;
  }
  const { http, close } = createHttp({ clock });
  try {
    const problem = delivery.refusal(await http(delivery.request));
    if (problem !== null) throw new Error(problem);
  } finally {
    await close();
  }
}
