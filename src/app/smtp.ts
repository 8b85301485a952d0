import { type Clock, sleep } from "../base/clock.ts";
import type { MailDelivery } from "../dialects/argo/notifications/types.ts";

/** Sends one mail: TLS where the server has it, and a password over nothing less. */

export interface SmtpOptions {
  readonly clock: Clock;
  /** Names the mail: unique, without the angle brackets. */
  readonly messageId: string;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** Where TLS begins with the connection (RFC 8314, section 3.3). */
const IMPLICIT_TLS_PORT = 465;

export async function sendMail({ server, mail }: MailDelivery, options: SmtpOptions): Promise<void> {
  const { clock, messageId, signal } = options;
  const { host, port, credentials, insecure } = server;
  // Loaded with the first mail: few clusters send any.
  const { SMTPConnection, MailComposer } = await mailer();
  const connection = new SMTPConnection({
    host,
    port,
    secure: port === IMPLICIT_TLS_PORT,
    requireTLS: port !== IMPLICIT_TLS_PORT && credentials !== null && !isLoopback(host),
    tls: { rejectUnauthorized: !insecure },
  });
  const ended = new AbortController();
  const failed = Promise.withResolvers<never>();
  const onStop = () => failed.reject(new Error("stopped"));
  signal.addEventListener("abort", onStop, { once: true });
  sleep(clock, TIMEOUT_MS, ended.signal).then(
    () => failed.reject(new Error("no answer in time")),
    () => {}, // over before its time
  );
  connection.on("error", failed.reject);
  const step = <T>(begin: (done: (error?: Error | null, result?: T) => void) => void) =>
    Promise.race([
      failed.promise,
      new Promise<T | undefined>((resolve, reject) =>
        begin((error, result) => (error ? reject(error) : resolve(result))),
      ),
    ]);
  try {
    const { from, to, subject, body, isHtml, date } = mail;
    const content = isHtml ? { html: body } : { text: body };
    const composed = new MailComposer({ from, to: [...to], subject, date, messageId: `<${messageId}>`, ...content });
    const message = await composed.compile().build();
    await step((done) => connection.connect((error) => done(error)));
    if (credentials)
      await step((done) => connection.login({ user: credentials.username, pass: credentials.password }, done));
    const sent = await step<{ rejected: readonly string[] }>((done) =>
      connection.send({ from, to: [...to] }, message, done),
    );
    if (sent?.rejected.length) throw new Error(`it took the mail, but not for ${sent.rejected.join(", ")}`);
    connection.quit();
  } catch (error) {
    connection.close();
    throw new Error(`mail server ${host}:${port}: ${(error as Error).message}`, { cause: error });
  } finally {
    failed.promise.catch(() => {});
    ended.abort();
    signal.removeEventListener("abort", onStop);
  }
}

async function mailer() {
  const [connection, composer] = await Promise.all([
    import("nodemailer/lib/smtp-connection"),
    import("nodemailer/lib/mail-composer"),
  ]);
  return { SMTPConnection: connection.default, MailComposer: composer.default };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "127.0.0.1" || host === "::1";
}
