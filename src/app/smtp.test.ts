import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { createSecureContext, TLSSocket } from "node:tls";
import { systemClock } from "../base/clock.ts";
import { loadOrCreateCredentials } from "../cluster/apiserver/wire/certificates.ts";
import type { Mail, MailServer } from "../dialects/argo/notifications/types.ts";
import { sendMail } from "./smtp.ts";

let directory: string;
let key: string;
let cert: string;

before(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "fairway-smtp-"));
  const credentials = await loadOrCreateCredentials({ directory, clock: systemClock });
  key = credentials.keyPem;
  cert = credentials.certificatePem;
});

after(() => rmSync(directory, { recursive: true, force: true }));

interface Behaviour {
  readonly abilities?: readonly string[];
  /** Answers by the beginning of a command, instead of the usual ones. */
  readonly answers?: Readonly<Record<string, string>>;
}

const usual: Readonly<Record<string, string>> = {
  "AUTH PLAIN": "235 ok",
  "MAIL FROM": "250 ok",
  "RCPT TO": "250 ok",
  DATA: "354 go on",
  QUIT: "221 bye",
};

/** A mail server that writes down what it hears; commands after STARTTLS are marked. */
async function startServer({ abilities = [], answers = {} }: Behaviour) {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write("220 stub ready\r\n");
    converse(socket, "");
  });
  const converse = (socket: Socket, mark: string) => {
    let text = "";
    let inMail = false;
    socket.on("error", () => {});
    socket.on("data", (part) => {
      text += part.toString();
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        heard.push(mark + line);
        if (inMail) {
          inMail = line !== ".";
          if (!inMail) socket.write("250 queued\r\n");
          continue;
        }
        if (line.startsWith("EHLO")) {
          const lines = ["stub", ...(mark === "" ? abilities : abilities.filter((one) => one !== "STARTTLS"))];
          socket.write(lines.map((one, index) => `250${index === lines.length - 1 ? " " : "-"}${one}\r\n`).join(""));
          continue;
        }
        if (line === "STARTTLS" && abilities.includes("STARTTLS")) {
          socket.removeAllListeners("data");
          socket.write("220 go on\r\n");
          converse(
            new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ key, cert }) }),
            "tls ",
          );
          return;
        }
        const known = { ...usual, ...answers };
        const command = Object.keys(known).find((one) => line.startsWith(one));
        inMail = command === "DATA" && known[command]?.startsWith("354") === true;
        socket.write(`${command ? known[command] : "500 what?"}\r\n`);
      }
    });
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { heard, port, stop: () => server.close() };
}

const aMail: Mail = {
  from: "argo@x.test",
  to: ["a@x.test", "b@x.test"],
  subject: "Rollout web",
  body: "fertig: ✓\n.\nnot the end",
  isHtml: false,
  date: new Date(Date.UTC(2030, 0, 1)),
};

function send(port: number, server: Partial<MailServer> = {}, mail: Partial<Mail> = {}): Promise<void> {
  const target: MailServer = { host: "127.0.0.1", port, insecure: true, credentials: null, ...server };
  const options = { clock: systemClock, messageId: "m@x.test", signal: new AbortController().signal };
  return sendMail({ kind: "mail", server: target, mail: { ...aMail, ...mail } }, options);
}

test("NO-006 a mail goes to each recipient, its body safe from being taken for commands", async () => {
  const { heard, port, stop } = await startServer({});
  await send(port);
  stop();
  assert.deepEqual(heard.slice(1, 5), ["MAIL FROM:<argo@x.test>", "RCPT TO:<a@x.test>", "RCPT TO:<b@x.test>", "DATA"]);
  const mail = heard.slice(5);
  assert.ok(mail.includes("Subject: Rollout web"));
  assert.ok(mail.includes("To: a@x.test, b@x.test"));
  assert.ok(mail.includes("Date: Tue, 01 Jan 2030 00:00:00 +0000"));
  assert.deepEqual(mail.slice(mail.indexOf("") + 1).slice(0, 3), ["fertig: =E2=9C=93", "..", "not the end"]);
});

test("NO-006 with STARTTLS everything that matters is said under TLS, the password too", async () => {
  const { heard, port, stop } = await startServer({ abilities: ["STARTTLS", "AUTH LOGIN PLAIN"] });
  await send(port, { credentials: { username: "u", password: "p" } });
  stop();
  assert.match(heard[0] ?? "", /^EHLO /);
  assert.equal(heard[1], "STARTTLS");
  assert.match(heard[2] ?? "", /^tls EHLO /);
  assert.equal(heard[3], `tls AUTH PLAIN ${Buffer.from("\0u\0p").toString("base64")}`);
  assert.ok(heard.slice(2).every((line) => line.startsWith("tls ")));
});

test("NO-006 a certificate that nobody vouches for is refused, unless told otherwise", async () => {
  const { port, stop } = await startServer({ abilities: ["STARTTLS"] });
  await assert.rejects(send(port, { insecure: false }), /mail server 127\.0\.0\.1:\d+: .*certificate/);
  stop();
});

test("NO-006 no password goes over a connection without TLS to another machine", async () => {
  const { heard, port, stop } = await startServer({ abilities: ["AUTH PLAIN"] });
  // Loopback by an address that does not say so stands for another machine.
  const elsewhere = { host: "0.0.0.0", credentials: { username: "u", password: "p" } };
  await assert.rejects(send(port, elsewhere), /STARTTLS/);
  stop();
  assert.ok(heard.every((line) => !line.startsWith("AUTH")));
});

const refusals: readonly { name: string; behaviour: Behaviour; says: RegExp }[] = [
  {
    name: "a recipient",
    behaviour: { answers: { "RCPT TO": "550 no such user" } },
    says: /550 no such user/,
  },
  { name: "the mail", behaviour: { answers: { DATA: "554 spam" } }, says: /554 spam/ },
];
for (const { name, behaviour, says } of refusals) {
  test(`NO-009 a server that refuses ${name} is an error with its words`, async () => {
    const { port, stop } = await startServer(behaviour);
    await assert.rejects(send(port), says);
    stop();
  });
}

test("NO-009 nobody listening is an error", async () => {
  const { port, stop } = await startServer({});
  stop();
  await assert.rejects(send(port), /mail server 127\.0\.0\.1:\d+: connect ECONNREFUSED/);
});

test("NO-009 a server that says nothing is given up when told to stop", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const stop = new AbortController();
  const server: MailServer = { host: "127.0.0.1", port, insecure: true, credentials: null };
  const sending = sendMail(
    { kind: "mail", server, mail: aMail },
    { clock: systemClock, messageId: "m@x.test", signal: stop.signal },
  );
  silent.once("connection", () => stop.abort());
  await assert.rejects(sending, /stopped/);
  await new Promise((resolve) => silent.close(resolve));
});
