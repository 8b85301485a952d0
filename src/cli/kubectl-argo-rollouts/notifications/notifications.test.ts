import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import type { World } from "../../../../test/support/world.ts";
import type { Delivery } from "../../../dialects/argo/notifications/types.ts";
import { resources } from "../../../kube/resource.ts";
import { analysisRun, argo, fails, ok, put, type Run, rollout, startQuietWorld } from "../program.fixture.ts";

/** CL-076: `notifications`, offline and against a cluster. */

const data = {
  "service.webhook.hooks": "url: http://hooks.test/$token\n",
  "template.paused": [
    "message: Rollout {{.rollout.metadata.name}} is paused ({{len .analysisRuns}} runs).",
    "email:",
    "  subject: '{{.rollout.metadata.name}} waits for {{.recipient}}'",
    "webhook:",
    "  hooks:",
    "    method: POST",
    "    body: 'paused {{.secrets.token}}'",
  ].join("\n"),
  "template.bare": "email:\n  subject: s\n",
  "template.long": `message: ${"x".repeat(120)}\n`,
  "template.fails": "message: '{{.rollout.nothing.name}}'\n",
  "trigger.on-rollout-paused":
    "- when: rollout.metadata.name == 'demo'\n  send: [paused]\n- when: 'false'\n  send: [paused, bare]\n",
  "trigger.on-rollout-completed": "- send: [bare]\n",
};
const configMap = (more: Record<string, string> = {}, namespace = "argo-rollouts") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "argo-rollouts-notification-configmap", namespace },
  data: { ...data, ...more },
});
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "argo-rollouts-notification-secret", namespace: "argo-rollouts" },
  stringData: { token: "s3cret" },
};

let folder = "";
const file = (name: string) => path.join(folder, name);

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "argo-notifications-"));
  const { status: _status, ...object } = rollout();
  const both = [configMap(), secret].map((one) => JSON.stringify(one)).join("\n---\n");
  writeFileSync(file("config.yaml"), both);
  writeFileSync(file("broken.yaml"), JSON.stringify(configMap({ "template.broken": "message: '{{.rollout'" })));
  writeFileSync(file("wrong.yaml"), "a: [\n");
  writeFileSync(file("rollout.yaml"), JSON.stringify(object));
});

after(() => rmSync(folder, { recursive: true }));

const OFFLINE = () => `--config-map ${file("config.yaml")} --secret ${file("config.yaml")}`;

/** Whoever asks the cluster fails. */
const nowhere = new Proxy({} as World["client"], {
  get: () => () => Promise.reject(new Error("the cluster was asked")),
});

async function offline(command: string, options: Parameters<typeof argo>[2] = {}): Promise<Run> {
  const world = await startQuietWorld();
  const run = await argo({ client: nowhere, clock: world.clock }, `notifications ${command}`, options);
  await world.stop();
  return run;
}

test("CL-076 template get", async () => {
  assert.deepEqual(
    await offline(`template get ${OFFLINE()}`),
    ok(
      [
        "NAME    PREVIEW",
        'bare    {"email":{"subject":"s"}}',
        "fails   {{.rollout.nothing.name}}",
        `long    ${"x".repeat(99)}...`,
        "paused  Rollout {{.rollout.metadata.name}} is paused ({{len .analysisRuns}} runs).",
        "",
      ].join("\n"),
    ),
  );
  assert.deepEqual(await offline(`template get ${OFFLINE()} -o name`), ok("bare\nfails\nlong\npaused\n"));
  assert.deepEqual(await offline(`template get bare ${OFFLINE()} -o yaml`), ok("bare:\n  email:\n    subject: s\n"));
  assert.deepEqual(JSON.parse((await offline(`template get bare ${OFFLINE()} -o json`)).out), {
    bare: { email: { subject: "s" } },
  });
});

test("CL-076 trigger get", async () => {
  assert.deepEqual(
    await offline(`trigger get ${OFFLINE()}`),
    ok(
      [
        "NAME                  TEMPLATE      CONDITION",
        "on-rollout-completed  bare          ",
        "on-rollout-paused     paused        rollout.metadata.name == 'demo'",
        "                      paused, bare  false",
        "",
      ].join("\n"),
    ),
  );
  assert.deepEqual(parse((await offline(`trigger get on-rollout-completed -o yaml ${OFFLINE()}`)).out), {
    "on-rollout-completed": [{ send: ["bare"] }],
  });
});

test("CL-076 trigger run, on a file", async () => {
  assert.deepEqual(
    await offline(`trigger run on-rollout-paused ${file("rollout.yaml")} ${OFFLINE()}`),
    ok(
      "CONDITION                        RESULT\nrollout.metadata.name == 'demo'  true\nfalse                            false\n",
    ),
  );
});

test("CL-076 trigger run: a trigger without a condition always fires", async () => {
  assert.deepEqual(
    await offline(`trigger run on-rollout-completed ${file("rollout.yaml")} ${OFFLINE()}`),
    ok("CONDITION  RESULT\n           true\n"),
  );
});

test("CL-076 template notify prints all parts to the console", async () => {
  const expected = [
    "email:",
    "  subject: demo waits for stdout",
    "message: Rollout demo is paused (0 runs).",
    "webhook:",
    "  hooks:",
    "    body: paused s3cret",
    "    method: POST",
    "",
  ].join("\n");
  assert.deepEqual(await offline(`template notify paused ${file("rollout.yaml")} ${OFFLINE()}`), ok(expected));
  const twice = await offline(
    `template notify paused ${file("rollout.yaml")} ${OFFLINE()} --recipient console:stdout --recipient console:stdout`,
  );
  assert.equal(twice.out, expected + expected);
});

test("CL-076 template notify sends to another recipient, and tells why it could not", async () => {
  const sent: Delivery[] = [];
  const command = `template notify paused ${file("rollout.yaml")} ${OFFLINE()} --recipient hooks`;
  const deliver = async (delivery: Delivery) => void sent.push(delivery);
  assert.deepEqual(await offline(command, { deliver }), ok(""));
  assert.deepEqual(
    sent.map((one) => one.kind === "http" && [one.request.url, one.request.body]),
    [["http://hooks.test/s3cret", "paused s3cret"]],
  );
  const refuse = () => Promise.reject(new Error("no such host"));
  assert.deepEqual(await offline(command, { deliver: refuse }), fails("failed to notify 'hooks': no such host\n"));
});

const refusals: readonly (readonly [command: string, err: string | RegExp])[] = [
  [
    "template get --config-map /nowhere --secret :empty",
    "failed to get api: open /nowhere: no such file or directory\n",
  ],
  [
    "template get --config-map ROLLOUT --secret :empty",
    "failed to get api: file 'ROLLOUT' does not have '/ConfigMap/argo-rollouts-notification-configmap'\n",
  ],
  ["template get --config-map WRONG --secret :empty", /^failed to get api: \S+wrong.yaml: .+\n$/],
  ["template notify paused WRONG OFFLINE", /^failed to load resource: \S+wrong.yaml: .+\n$/],
  ["template notify none ROLLOUT OFFLINE", "failed to notify 'console:stdout': template 'none' is not configured\n"],
  [
    "template notify fails ROLLOUT OFFLINE",
    "failed to notify 'console:stdout': template fails: at <.rollout.nothing.name>: nil pointer evaluating interface {}.name\n",
  ],
  [
    "template notify paused ROLLOUT OFFLINE --recipient pager:x",
    "failed to notify 'pager:x': notification service 'pager' is not supported\n",
  ],
  [
    "template notify paused ROLLOUT OFFLINE --recipient hooks",
    "failed to notify 'hooks': nothing is sent from here; take the recipient console:stdout\n",
  ],
  [
    "trigger run none ROLLOUT OFFLINE",
    "trigger with name 'none' does not exist (found on-rollout-completed, on-rollout-paused)\n",
  ],
  ["trigger run none", "Error: expected two arguments, got 1\n"],
  ["template notify", "Error: expected two arguments, got 0\n"],
  ["trigger", "Error: select child command\n"],
];
for (const [command, err] of refusals) {
  test(`CL-076 notifications ${command}: refused`, async () => {
    const filled = (text: string) =>
      text
        .replaceAll("ROLLOUT", file("rollout.yaml"))
        .replace("WRONG", file("wrong.yaml"))
        .replace("OFFLINE", OFFLINE());
    const run = await offline(filled(command));
    if (typeof err === "string") assert.deepEqual(run, fails(filled(err)));
    else {
      assert.equal(run.code, 1);
      assert.match(run.err, err);
    }
  });
}

test("CL-076 notifications alone shows its help", async () => {
  const { code, out, err } = await offline("");
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^Usage: kubectl-argo-rollouts notifications [\s\S]*--config-map[\s\S]*template[\s\S]*trigger/);
});

test("CL-076 an entry with a mistake is told, and the others work", async () => {
  const { code, out, err } = await offline(`trigger get -o name --config-map ${file("broken.yaml")} --secret :empty`);
  assert.deepEqual([code, out], [0, "on-rollout-completed\non-rollout-paused\n"]);
  assert.match(err, /^Note: template\.broken: .+$/m);
});

test("CL-076 in the cluster: the namespace's configuration, else the controller's; a Rollout with its runs", async () => {
  const world = await startQuietWorld();
  await world.apply([{ apiVersion: "v1", kind: "Namespace", metadata: { name: "argo-rollouts" } }]);
  await put(
    world,
    resources.argoRollouts,
    rollout({ status: { currentPodHash: "b" }, metadata: { annotations: { "rollout.argoproj.io/revision": "2" } } }),
  );
  const run = analysisRun({
    name: "r",
    revision: 2,
    labels: { "rollouts-pod-template-hash": "b" },
    status: { phase: "Running" },
  });
  await put(world, resources.analysisRuns, run);
  assert.deepEqual(
    await argo(world, "notifications template notify paused demo"),
    fails('failed to create API: configmaps "argo-rollouts-notification-configmap" not found\n'),
  );
  await world.apply([configMap(), { ...secret, stringData: undefined, data: { token: "czNjcmV0" } }]);
  const { out } = await argo(world, "notifications template notify paused demo");
  assert.deepEqual(
    [parse(out).message, parse(out).webhook.hooks.body],
    ["Rollout demo is paused (1 runs).", "paused s3cret"],
  );
  await world.apply(configMap({ "template.paused": "message: nearer" }, "default"));
  assert.deepEqual(await argo(world, "notifications template notify paused demo"), ok("message: nearer\n"));
  assert.deepEqual(
    await argo(world, "notifications trigger run on-rollout-paused x"),
    fails('failed to load resource: rollouts.argoproj.io "x" not found\n'),
  );
  await world.stop();
});

test("CL-076 CL-006 shells know its words and flags", async () => {
  const world = await startQuietWorld();
  assert.deepEqual(await argo(world, "__complete notifications t"), ok("template\ntrigger\n:4\n"));
  assert.deepEqual(await argo(world, "__complete notifications template notify --rec"), ok("--recipient\n:4\n"));
  assert.deepEqual(
    await argo(world, "__complete notifications template notify --con"),
    ok("--context\n--config-map\n:4\n"),
  );
  await world.stop();
});
