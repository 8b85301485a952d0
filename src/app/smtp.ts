import { connect, isIP, type Socket } from "node:net";
import { hostname } from "node:os";
import { connect as connectTls } from "node:tls";
import { type Clock, sleep } from "../base/clock.ts";
import type { Mail, MailDelivery, MailServer } from "../dialects/argo/notifications/types.ts";

/** Sends one mail (RFC 5321): TLS where the server has it, and a password over nothing less. */

export interface SmtpOptions {
  readonly clock: Clock;
  /** Names the mail: unique, without the angle brackets. */
  readonly messageId: string;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** Where TLS begins with the connection (RFC 8314, section 3.3). */
const IMPLICIT_TLS_PORT = 465;
/** A greeting longer than this is none. */
const REPLY_BYTES_MAX = 64 * 1024;

export async function sendMail(delivery: MailDelivery, { clock, messageId, signal }: SmtpOptions): Promise<void> {
  const { server, mail } = delivery;
  const ended = new AbortController();
  const session = new Session(server);
  const onStop = () => session.fail(new Error("stopped"));
  signal.addEventListener("abort", onStop, { once: true });
  sleep(clock, TIMEOUT_MS, ended.signal).then(
    () => session.fail(new Error("no answer in time")),
    () => {}, // over before its time
  );
  try {
    await session.open();
    await session.deliver(mail, messageId);
  } catch (error) {
    throw new Error(`mail server ${server.host}:${server.port}: ${(error as Error).message}`, { cause: error });
  } finally {
    ended.abort();
    signal.removeEventListener("abort", onStop);
    session.close();
  }
}

interface Reply {
  readonly code: number;
  readonly lines: readonly string[];
}

class Session {
  readonly #server: MailServer;
  #socket: Socket | null = null;
  #isSecure: boolean;
  #received = "";
  #failure: Error | null = null;
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | null = null;
  /** Ends the wait for a connection. */
  #refuseConnection: (error: Error) => void = () => {};

  constructor(server: MailServer) {
    this.#server = server;
    this.#isSecure = server.port === IMPLICIT_TLS_PORT;
  }

  async open(): Promise<void> {
    const { host, port } = this.#server;
    await this.#connected((onConnected) =>
      this.#isSecure ? connectTls(this.#tlsOptions({ host, port }), onConnected) : connect({ host, port }, onConnected),
    );
  }

  async deliver(mail: Mail, messageId: string): Promise<void> {
    await this.#expect(220);
    let abilities = await this.#hello();
    if (!this.#isSecure && abilities.some((line) => line.toUpperCase() === "STARTTLS")) {
      await this.#send("STARTTLS", 220);
      await this.#secure();
      abilities = await this.#hello();
    }
    await this.#authenticate(abilities);
    await this.#send(`MAIL FROM:<${mail.from}>`, 250);
    for (const to of mail.to) await this.#send(`RCPT TO:<${to}>`, 250);
    await this.#send("DATA", 354);
    await this.#send(`${render(mail, messageId)}\r\n.`, 250);
    this.#socket?.write("QUIT\r\n");
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#refuseConnection(error);
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  close(): void {
    this.#socket?.destroySoon();
  }

  async #hello(): Promise<readonly string[]> {
    const { lines } = await this.#send(`EHLO ${hostname().replace(/[^\w.-]/g, "") || "localhost"}`, 250);
    return lines.slice(1);
  }

  async #authenticate(abilities: readonly string[]): Promise<void> {
    const { credentials, host } = this.#server;
    if (credentials === null) return;
    const offered = abilities.find((line) => /^AUTH[ =]/i.test(line))?.toUpperCase() ?? "";
    const isLocal = host === "localhost" || host === "127.0.0.1" || host === "::1";
    if (!this.#isSecure && !isLocal) throw new Error("it offers no TLS, and a password is not sent in the clear");
    const { username, password } = credentials;
    if (offered.includes("PLAIN")) {
      await this.#send(`AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, 235);
    } else if (offered.includes("LOGIN")) {
      await this.#send("AUTH LOGIN", 334);
      await this.#send(base64(username), 334);
      await this.#send(base64(password), 235);
    } else throw new Error(`it takes no password by PLAIN or LOGIN (offered: ${offered || "none"})`);
  }

  async #secure(): Promise<void> {
    const socket = this.#socket as Socket;
    socket.removeAllListeners("data");
    this.#received = "";
    await this.#connected((onConnected) => connectTls(this.#tlsOptions({ socket }), onConnected));
    this.#isSecure = true;
  }

  /** An address has no name to be asked for by, only one to be compared with the certificate. */
  #tlsOptions<T extends object>(connection: T) {
    const { host, insecure } = this.#server;
    return { ...connection, host, ...(isIP(host) ? {} : { servername: host }), rejectUnauthorized: !insecure };
  }

  async #connected(begin: (onConnected: () => void) => Socket): Promise<void> {
    if (this.#failure) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      this.#refuseConnection = reject;
      const socket = begin(resolve);
      this.#socket = socket;
      socket.on("data", (part: Buffer) => this.#receive(part.toString("utf8")));
      socket.on("error", (error) => this.fail(error));
      socket.on("close", () => this.fail(new Error("it closed the connection")));
    });
  }

  async #send(line: string, expected: number): Promise<Reply> {
    this.#socket?.write(`${line}\r\n`);
    return this.#expect(expected);
  }

  async #expect(code: number): Promise<Reply> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#waiting = { resolve, reject };
      this.#receive("");
    });
    if (reply.code === code) return reply;
    throw new Error(`it answered ${reply.code} ${reply.lines.join(" ")}`);
  }

  /** A reply is over at the first line whose code is not followed by a hyphen. */
  #receive(part: string): void {
    this.#received += part;
    if (this.#received.length > REPLY_BYTES_MAX) this.fail(new Error("its answer has no end"));
    const reply = /^((?:\d{3}-[^\n]*\n)*)(\d{3})(?: ([^\n]*))?\r?\n/.exec(this.#received);
    if (!reply || !this.#waiting) return;
    const [whole, before = "", code, last = ""] = reply;
    this.#received = this.#received.slice(whole.length);
    const lines = [
      ...before
        .split("\n")
        .slice(0, -1)
        .map((line) => line.slice(4)),
      last,
    ].map((line) => line.trim());
    const { resolve } = this.#waiting;
    this.#waiting = null;
    resolve({ code: Number(code), lines });
  }
}

/** Headers and body (RFC 5322, RFC 2045); in base64, so no line of the body can be taken for its end. */
function render({ from, to, subject, body, isHtml, date }: Mail, messageId: string): string {
  const lines = [
    `From: <${from}>`,
    `To: ${to.map((one) => `<${one}>`).join(", ")}`,
    `Subject: ${encodeWord(subject)}`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${messageId}>`,
    "MIME-Version: 1.0",
    `Content-Type: text/${isHtml ? "html" : "plain"}; charset=utf-8`,
    "Content-Transfer-Encoding: base64",
    "",
    ...(base64(body).match(/.{1,76}/g) ?? []),
  ];
  return lines.join("\r\n");
}

/** RFC 2047: an encoded word has at most 75 characters, and 42 bytes make 56 of them. */
function encodeWord(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > 42) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((one) => `=?utf-8?B?${base64(one)}?=`).join("\r\n ");
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
