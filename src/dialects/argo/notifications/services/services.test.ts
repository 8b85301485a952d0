import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { type Notification, NotificationError } from "../types.ts";
import { createService } from "./index.ts";

const now = Date.UTC(2030, 0, 1);

function prepared(
  type: string,
  options: Record<string, unknown>,
  notification: Partial<Notification> = {},
  recipient = "",
) {
  const service = createService(type, options);
  const [delivery] = service.prepare(
    { message: "hello", parts: {}, ...notification },
    { service: type, recipient, now },
  );
  assert.ok(delivery?.kind === "http");
  return delivery;
}

test("NO-007 a webhook gets what its template says: method, path, body, headers", () => {
  const headers = [{ name: "X-Team", value: "a" }];
  const options = { url: "https://hooks.test/base/", headers, basicAuth: { username: "u", password: "p" } };
  const parts = { webhook: { webhook: { method: "post", path: "/x", body: "{}" } } };
  const { request, refusal, retry } = prepared("webhook", options, { parts });
  assert.equal(request.method, "POST");
  assert.equal(request.url, "https://hooks.test/base/x");
  assert.equal(request.body, "{}");
  assert.deepEqual(request.headers, { "x-team": "a", authorization: `Basic ${Buffer.from("u:p").toString("base64")}` });
  assert.deepEqual(retry, { times: 3, waitMs: 1000, waitMaxMs: 5000 });
  assert.equal(refusal({ status: 204, text: "" }), null);
  assert.match(refusal({ status: 403, text: "no" }) ?? "", /https:\/\/hooks\.test has failed with error code 403 : no/);
});

test("NO-007 a webhook without a template part is a GET, as in the original", () => {
  const { request } = prepared("webhook", { url: "http://hooks.test" });
  assert.equal(request.method, "GET");
  assert.equal(request.body, undefined);
});

test("NO-006 slack posts a message to the channel", () => {
  const parts = { slack: { attachments: '[{"title":"web"}]', icon: ":rocket:" } };
  const { request, refusal } = prepared("slack", { token: "t", username: "bot" }, { parts }, "#ops");
  assert.equal(request.url, "https://slack.com/api/chat.postMessage");
  assert.equal(request.headers["authorization"], "Bearer t");
  assert.deepEqual(JSON.parse(request.body ?? ""), {
    channel: "#ops",
    text: "hello",
    username: "bot",
    icon_emoji: ":rocket:",
    attachments: [{ title: "web" }],
  });
  assert.equal(refusal({ status: 200, text: '{"ok":true}' }), null);
  assert.equal(
    refusal({ status: 200, text: '{"ok":false,"error":"channel_not_found"}' }),
    "slack refused: channel_not_found",
  );
});

test("NO-006 alertmanager gets one alert at every target", () => {
  const service = createService("alertmanager", { targets: ["a:9093", "b:9093"], bearerToken: "t" });
  const parts = { alertmanager: { labels: { alertname: "x" }, annotations: { summary: "s" } } };
  const deliveries = service.prepare({ message: "", parts }, { service: "alertmanager", recipient: "", now });
  assert.deepEqual(
    deliveries.map((delivery) => delivery.kind === "http" && delivery.request.url),
    ["http://a:9093/api/v2/alerts", "http://b:9093/api/v2/alerts"],
  );
  const [first] = deliveries;
  assert.ok(first?.kind === "http");
  const [alert] = JSON.parse(first.request.body ?? "");
  assert.deepEqual(alert.labels, { alertname: "x" });
  assert.equal(alert.startsAt, "2030-01-01T00:00:00.000Z");
});

test("NO-006 dingtalk signs the URL with its secret", () => {
  const { request, refusal } = prepared("dingtalk", { url: "https://ding.test/send?access_token=k", secret: "SEC" });
  const url = new URL(request.url);
  assert.equal(url.searchParams.get("timestamp"), String(now));
  assert.equal(url.searchParams.get("sign"), createHmac("sha256", "SEC").update(`${now}\nSEC`).digest("base64"));
  assert.deepEqual(JSON.parse(request.body ?? ""), { msgtype: "text", text: { content: "hello" } });
  assert.equal(refusal({ status: 200, text: '{"errcode":0}' }), null);
  assert.equal(
    refusal({ status: 200, text: '{"errcode":310000,"errmsg":"sign"}' }),
    "dingtalk refused: sign (errcode 310000)",
  );
});

test("NO-006 feishu signs the body with its secret", () => {
  const parts = { feishu: { title: "t", markdown: "**m**" } };
  const body = JSON.parse(
    prepared("feishu", { url: "https://feishu.test/hook", secret: "s" }, { parts }).request.body ?? "",
  );
  assert.equal(body.timestamp, String(now / 1000));
  assert.equal(
    body.sign,
    createHmac("sha256", `${now / 1000}\ns`)
      .update("")
      .digest("base64"),
  );
  assert.equal(body.card.elements[0].content, "**m**");
});

test("NO-006 wecom sends to the recipient's own robot", () => {
  const options = { recipientUrls: { ops: "https://wecom.test/send?key=k" } };
  const { request } = prepared("wecom", options, {}, "ops");
  assert.equal(request.url, "https://wecom.test/send?key=k");
  assert.deepEqual(JSON.parse(request.body ?? ""), { msgtype: "text", text: { content: "hello" } });
  assert.throws(() => prepared("wecom", options, {}, "dev"), /no URL for recipient "dev"; recipientUrls has: ops/);
});

test("NO-006 a mail has subject and body of the template, and goes to each address", () => {
  const service = createService("email", {
    host: "mail.test",
    username: "u",
    password: "p",
    from: "Argo <argo@x.test>",
  });
  const parts = { email: { subject: "Rollout\nweb", body: "" } };
  const context = { service: "email", recipient: "a@x.test, b@x.test", now };
  assert.deepEqual(service.prepare({ message: "hello", parts }, context), [
    {
      kind: "mail",
      server: { host: "mail.test", port: 25, insecure: false, credentials: { username: "u", password: "p" } },
      mail: {
        from: "argo@x.test",
        to: ["a@x.test", "b@x.test"],
        subject: "Rollout web",
        body: "hello",
        isHtml: false,
        date: new Date(now),
      },
    },
  ]);
  const injected = { ...context, recipient: "a@x.test\r\nRCPT TO:<c@x.test>" };
  assert.throws(() => service.prepare({ message: "", parts }, injected), /expected a mail address/);
});

const mistakes: readonly { type: string; options: Record<string, unknown>; says: RegExp }[] = [
  { type: "webhook", options: {}, says: /url is missing/ },
  { type: "webhook", options: { url: "hooks.test" }, says: /url: expected an http or https URL, found "hooks\.test"/ },
  { type: "webhook", options: { url: "http://x", headers: "x" }, says: /headers: expected a list/ },
  { type: "slack", options: {}, says: /token is missing/ },
  { type: "feishu", options: {}, says: /url is missing: the robot's webhook/ },
  { type: "wecom", options: { url: "http://x", secret: "s" }, says: /have no secret/ },
  { type: "email", options: { from: "a@x.test" }, says: /host is missing/ },
  { type: "email", options: { host: "x", from: "a" }, says: /from: expected a mail address, found "a"/ },
  { type: "teams", options: {}, says: /'teams' is not available in this version; built are: webhook, slack, email/ },
  { type: "carrier-pigeon", options: {}, says: /'carrier-pigeon' is not supported; there are: webhook/ },
];
for (const { type, options, says } of mistakes) {
  test(`NO-006 ${type} with ${JSON.stringify(options)} is refused`, () => {
    assert.throws(
      () => createService(type, options),
      (error: Error) => error instanceof NotificationError && says.test(error.message),
    );
  });
}
