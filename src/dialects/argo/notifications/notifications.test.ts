import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../../api/meta.ts";
import type { PlannedEvent } from "../../../runtime/plan.ts";
import { type NotificationConfig, parseConfig } from "./config.ts";
import { decideNotices, type Notice, notifiedOf, withNotified } from "./decide.ts";
import { canFire, triggerOf } from "./reasons.ts";
import { subscriptionProblems } from "./subscriptions.ts";

const now = Date.UTC(2030, 0, 1);

const good = {
  "service.webhook.hooks": "url: http://hooks.test/$token\n",
  "service.slack": "token: $token\n",
  "template.paused": [
    "message: Rollout {{.rollout.metadata.name}} is paused, {{.recipient}}.",
    "webhook:",
    "  hooks:",
    "    method: POST",
    '    body: \'{"name": "{{.rollout.metadata.name}}"}\'',
  ].join("\n"),
  "trigger.on-rollout-paused": "- send: [paused]\n",
  "trigger.on-rollout-aborted": "- when: rollout.status.abort == true\n  send: [paused]\n",
};

function config(data: Record<string, string> = {}): NotificationConfig {
  const metadata = { name: "c", namespace: "argo-rollouts" };
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    data: { token: Buffer.from("s3cret").toString("base64") },
  };
  return parseConfig({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { ...good, ...data } }, secret);
}

function rollout(annotations: Record<string, string>, status: object = {}): KubeObject {
  const metadata = { name: "web", namespace: "shop", uid: "u", annotations };
  return { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata, spec: {}, status };
}

const SUBSCRIBE = "notifications.argoproj.io/subscribe";

function decide(object: KubeObject, { reason = "RolloutPaused", data = {} as Record<string, string> } = {}) {
  const event: PlannedEvent = { regarding: object, type: "Normal", reason, message: "" };
  return decideNotices({ event, analysisRuns: [], now, config: config(data), isSelfService: false });
}

function requestOf(notice: Notice | undefined) {
  const [delivery] = notice?.deliveries ?? [];
  assert.ok(delivery?.kind === "http");
  return delivery.request;
}

const names: readonly (readonly [reason: string, trigger: string])[] = [
  ["RolloutStepCompleted", "on-rollout-step-completed"],
  ["AnalysisRunFailed", "on-analysis-run-failed"],
  ["ScalingReplicaSet", "on-scaling-replica-set"],
  ["PatchingALBIngress", "on-patching-alb-ingress"],
];
for (const [reason, trigger] of names) {
  test(`NO-003 ${reason} fires ${trigger}`, () => {
    assert.equal(triggerOf(reason), trigger);
    assert.ok(canFire(trigger));
  });
}

test("NO-001 NO-002 NO-003 a subscriber is told, with the Secret's value in place", () => {
  const { notices, problems } = decide(rollout({ [`${SUBSCRIBE}.on-rollout-paused.hooks`]: "" }));
  assert.deepEqual(problems, []);
  assert.equal(notices.length, 1);
  const request = requestOf(notices[0]);
  assert.equal(request.url, "http://hooks.test/s3cret");
  assert.equal(request.body, '{"name": "web"}');
});

test("NO-002 recipients are told one by one, each once", () => {
  const annotations = {
    [`${SUBSCRIBE}.on-rollout-paused.slack`]: "#a; #b;",
    "notifications.argoproj.io/subscriptions":
      "- trigger: [on-rollout-paused]\n  destinations: [{service: slack, recipients: ['#b', '#c']}]\n",
  };
  const { notices } = decide(rollout(annotations));
  assert.deepEqual(
    notices.map(({ destination }) => destination.recipient),
    ["#a", "#b", "#c"],
  );
  assert.match(requestOf(notices[0]).body ?? "", /Rollout web is paused, #a\./);
});

test("NO-001 NO-002 without a trigger the default ones count, a service's own before all others", () => {
  const object = rollout({ [`${SUBSCRIBE}.slack`]: "#a" });
  assert.equal(decide(object).notices.length, 0);
  assert.equal(decide(object, { data: { defaultTriggers: "[on-rollout-paused]" } }).notices.length, 1);
  const both = { defaultTriggers: "[on-rollout-paused]", "defaultTriggers.slack": "[on-rollout-aborted]" };
  assert.equal(decide(object, { data: both }).notices.length, 0);
});

test("NO-001 global subscriptions count where their selector matches", () => {
  const subscriptions = "- recipients: ['slack:#all']\n  triggers: [on-rollout-paused]\n  selector: team=a\n";
  const object = rollout({});
  assert.equal(decide(object, { data: { subscriptions } }).notices.length, 0);
  const labelled = { ...object, metadata: { ...object.metadata, labels: { team: "a" } } };
  const { notices } = decide(labelled, { data: { subscriptions } });
  assert.deepEqual(
    notices.map(({ destination }) => destination),
    [{ service: "slack", recipient: "#all" }],
  );
});

test("NO-004 a condition decides; one that cannot be evaluated is told", () => {
  const annotations = { [`${SUBSCRIBE}.on-rollout-aborted.slack`]: "#a" };
  const reason = "RolloutAborted";
  assert.equal(decide(rollout(annotations, { abort: true }), { reason }).notices.length, 1);
  assert.equal(decide(rollout(annotations, { abort: false }), { reason }).notices.length, 0);
  const data = { "trigger.on-rollout-aborted": "- when: rollout.nothing.x == 1\n  send: [paused]\n" };
  assert.match(
    decide(rollout(annotations), { reason, data }).problems[0] ?? "",
    /trigger on-rollout-aborted, slack #a: cannot fetch x/,
  );
});

test("SU-032 oncePer names what is told once, under the engine's own key", () => {
  const data = { "trigger.on-rollout-paused": "- oncePer: rollout.metadata.uid\n  send: [paused]\n" };
  const object = rollout({ [`${SUBSCRIBE}.on-rollout-paused.slack`]: "#a" });
  const [notice] = decide(object, { data }).notices;
  assert.equal(notice?.onceKey, "u:on-rollout-paused:[0].2jmj7l5rSw0yVb_vlWAYkK_YBwk:slack:#a");
  const told = rollout({ "notified.notifications.argoproj.io": withNotified(object, notice.onceKey, now) });
  assert.deepEqual(notifiedOf(told), { [notice.onceKey]: now / 1000 });
});

test("SU-032 what was told is forgotten from the oldest on", () => {
  let object = rollout({});
  for (let count = 0; count < 120; count++) {
    const text = withNotified(object, `key-${count}`, now + count * 1000);
    object = rollout({ "notified.notifications.argoproj.io": text });
  }
  const keys = Object.keys(notifiedOf(object));
  assert.equal(keys.length, 100);
  assert.ok(!keys.includes("key-19") && keys.includes("key-20"));
});

const mistakes: readonly { key: string; text: string; says: RegExp }[] = [
  { key: "service.teams", text: "url: x", says: /service\.teams: service type 'teams' is not available/ },
  { key: "service.webhook.a.b", text: "url: http://x", says: /expected 'service\.<type>'/ },
  { key: "service.slack", text: "token: $missing", says: /service\.slack: the Secret has no key "missing"/ },
  { key: "template.x", text: "message: '{{frobnicate}}'", says: /template\.x: function "frobnicate" not defined/ },
  { key: "template.x", text: "message: [", says: /template\.x: not YAML/ },
  { key: "trigger.x", text: "send: [a]", says: /trigger\.x: expected a list/ },
  { key: "trigger.x", text: "- when: 'a ='\n", says: /trigger\.x: when "a =": / },
  { key: "subscriptions", text: "- selector: 'a in'\n", says: /subscriptions: selector "a in"/ },
];
for (const { key, text, says } of mistakes) {
  test(`NO-001 ${key}: ${JSON.stringify(text)} is told, and the rest works`, () => {
    const { problems, triggers } = config({ [key]: text });
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", says);
    assert.ok(triggers.has("on-rollout-paused"));
  });
}

const subscriptions: readonly { name: string; key: string; value?: string; says: RegExp | null }[] = [
  { name: "a right one", key: `${SUBSCRIBE}.on-rollout-paused.slack`, value: "#a", says: null },
  {
    name: "an unknown trigger",
    key: `${SUBSCRIBE}.on-pause.slack`,
    value: "#a",
    says: /trigger "on-pause" is not configured; configured are: on-/,
  },
  {
    name: "an unknown service",
    key: `${SUBSCRIBE}.on-rollout-paused.slak`,
    value: "#a",
    says: /service "slak" is not configured; configured are: hooks, slack/,
  },
  {
    name: "a trigger that no event fires",
    key: `${SUBSCRIBE}.on-purple.slack`,
    value: "#a",
    says: /trigger "on-purple" never fires/,
  },
  { name: "no trigger where none is the default", key: `${SUBSCRIBE}.slack`, value: "#a", says: /names no trigger/ },
  { name: "no recipient", key: `${SUBSCRIBE}.on-rollout-paused.slack`, value: ";", says: /no recipient is named/ },
  {
    name: "a list that is none",
    key: "notifications.argoproj.io/subscriptions",
    value: "x: 1",
    says: /expected a YAML list/,
  },
];
for (const { name, key, value = "", says } of subscriptions) {
  test(`SU-032 ${name}`, () => {
    const problems = subscriptionProblems(rollout({ [key]: value }), [
      config({ "trigger.on-purple": "- send: [paused]\n" }),
    ]);
    if (says === null) assert.deepEqual(problems, []);
    else assert.match(problems[0] ?? "", says);
  });
}

test("SU-032 subscriptions without any configuration are told", () => {
  const problems = subscriptionProblems(rollout({ [`${SUBSCRIBE}.on-rollout-paused.slack`]: "#a" }), []);
  assert.match(problems[0] ?? "", /notifications are not configured/);
});

test("NO-005 the example's configuration is right, and its messages can be made", () => {
  const file = new URL("../../../../examples/argo/notifications.yaml", import.meta.url);
  const [, secret, configMap] = parseAllDocuments(readFileSync(file, "utf8")).map((one) => one.toJS() as KubeObject);
  assert.ok(secret && configMap);
  const texts = Object.entries(secret["stringData"] as Record<string, string>);
  const data = Object.fromEntries(texts.map(([key, text]) => [key, Buffer.from(text).toString("base64")]));
  const example = parseConfig(configMap, { ...secret, data });
  assert.deepEqual(example.problems, []);
  const run: KubeObject = {
    apiVersion: "x",
    kind: "AnalysisRun",
    metadata: { name: "r" },
    ["status"]: { phase: "Failed" },
  };
  const bodies = ["RolloutPaused", "RolloutCompleted", "RolloutAborted"].map((reason) => {
    const object = rollout(
      { [`${SUBSCRIBE}.${triggerOf(reason)}.hooks`]: "", [`${SUBSCRIBE}.${triggerOf(reason)}.email`]: "a@x.test" },
      { currentStepIndex: 2, stableRS: "abc" },
    );
    const spec = { template: { spec: { containers: [{ image: "a:1" }, { image: "b:1" }] } } };
    const event: PlannedEvent = { regarding: { ...object, spec }, type: "Normal", reason, message: "" };
    const { notices, problems } = decideNotices({
      event,
      analysisRuns: [run],
      now,
      config: example,
      isSelfService: false,
    });
    assert.deepEqual(problems, []);
    assert.equal(notices.length, 2);
    const [delivery] = notices[1]?.deliveries ?? [];
    assert.ok(delivery?.kind === "mail");
    return [requestOf(notices[0]).body?.trim(), delivery.mail.body.trim()];
  });
  assert.deepEqual(bodies, [
    ['{"rollout": "web", "step": 2}', "Rollout web has been paused."],
    ['{"rollout": "web", "images": ["a:1", "b:1"]}', "Rollout web has been completed."],
    ['{"rollout": "web", "runs": 1}', "Rollout web has been aborted.\nr: Failed"],
  ]);
});

const LIST = "notifications.argoproj.io/subscriptions";

for (const [name, text] of [
  ["an alias without anchor", "- *nobody"],
  [
    "aliases that grow",
    `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${"*a,".repeat(10)}]\nc: &c [${"*b,".repeat(10)}]\nd: [${"*c,".repeat(10)}]`,
  ],
  ["no YAML", "[[[["],
  ["a text without end", "[".repeat(200_000)],
  ["a number", "3"],
] as const) {
  test(`NO-002 SU-032 an annotation may say anything: ${name}`, { timeout: 2000 }, () => {
    const [problem = "", ...others] = subscriptionProblems(rollout({ [LIST]: text }), []);
    assert.match(problem, /^annotation notifications.argoproj.io\/subscriptions: .*expected a YAML list of/);
    assert.deepEqual(others, []);
  });
}

for (const [name, data] of [
  ["aliases", { "template.bad": "a: *nobody" }],
  ["depth", { "template.bad": `message: '${"{{if .x}}".repeat(9000)}'` }],
  ["size", { "template.bad": `message: ${"a".repeat(1_000_000)}` }],
] as const) {
  test(`NO-001 whatever is wrong with one entry (${name}), the others work`, () => {
    const { problems, templates } = config(data);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /^template.bad: (not YAML|longer than|line 1: nested deeper)/);
    assert.ok(templates.has("paused"));
  });
}

test("NO-001 what is wrong with a service is told without the Secret's values", () => {
  const { problems } = config({
    "service.webhook.one": "url: $token",
    "service.webhook.two": "url: http://x.test\nheaders: [{name: a, value: [$token]}]",
    "service.webhook.three": "url: http://x.test\nretryMax: $token",
  });
  assert.equal(problems.length, 3);
  for (const problem of problems) {
    assert.ok(problem.includes("$token"), problem);
    assert.ok(!problem.includes("s3cret"), problem);
  }
});

test("NO-004 neither is what is wrong with a message", () => {
  const data = { "template.paused": "message: '{{.secrets.token.name}}'" };
  const { problems } = decide(rollout({ [`${SUBSCRIBE}.on-rollout-paused.hooks`]: "" }), { data });
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /can't evaluate field name in \$token$/);
});
