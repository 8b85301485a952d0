import type { HttpAnswer, HttpRequest } from "../../../analysis/provider.ts";

/** A mistake of whoever configured notifications; the text says where and what would be right. */
export class NotificationError extends Error {
  override readonly name = "NotificationError";
}

/** Where a notification goes: a service of the configuration, and whom it tells there; "" where it needs nobody named. */
export interface Destination {
  readonly service: string;
  readonly recipient: string;
}

/** What templates made: the message, and parts that only one type of service reads, e.g. `slack.attachments`. */
export interface Notification {
  readonly message: string;
  readonly parts: Readonly<Record<string, unknown>>;
}

/** How a notification is sent. */
export type Delivery = HttpDelivery | MailDelivery;

export interface HttpDelivery {
  readonly kind: "http";
  readonly request: HttpRequest;
  /** Null when the service took it, else what it said. */
  refusal(answer: HttpAnswer): string | null;
  /** Tries after the first, when there was no answer or the service was busy or broken; the wait doubles up to the most. */
  readonly retry: { readonly times: number; readonly waitMs: number; readonly waitMaxMs: number };
}

export interface MailDelivery {
  readonly kind: "mail";
  readonly server: MailServer;
  readonly mail: Mail;
}

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** Accept any certificate. */
  readonly insecure: boolean;
  readonly credentials: { readonly username: string; readonly password: string } | null;
}

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
  readonly isHtml: boolean;
  readonly date: Date;
}

export interface PrepareContext {
  /** The name of the service in the configuration. */
  readonly service: string;
  readonly recipient: string;
  readonly now: number;
}

/** A service as the configuration describes it. Pure: it says what to send, others send it. */
export interface Service {
  readonly type: string;
  /** Throws NotificationError. Of several requests one that is taken is enough. */
  prepare(notification: Notification, context: PrepareContext): readonly Delivery[];
}

/** Makes a service of the options in the configuration; throws NotificationError. */
export type ServiceType = (options: Readonly<Record<string, unknown>>) => Omit<Service, "type">;

export const NO_RETRY = { times: 0, waitMs: 0, waitMaxMs: 0 } as const;
/** Of one request; Go's clients in the original have none, and a hung receiver must not hold the queue. */
export const TIMEOUT_MS = 15_000;
