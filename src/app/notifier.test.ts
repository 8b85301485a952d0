import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "../../test/support/world.ts";
import type { HttpAnswer, HttpRequest } from "../analysis/provider.ts";
import type { KubeObject } from "../api/meta.ts";
import { silentLogger } from "../base/log.ts";
import { renderMetrics } from "../base/metrics.ts";
import { argoControllers } from "../dialects/argo/index.ts";
import { NotificationMetrics } from "../dialects/argo/metrics/index.ts";
import { resources } from "../kube/resource.ts";
import { argoPack } from "../packs/argo.ts";
import { istioPack } from "../packs/istio.ts";
import type { RunnerObserver } from "../runtime/observer.ts";
import { Notifier } from "./notifier.ts";

const KEY = { namespace: "default", name: "web" };
const SUBSCRIBE = "notifications.argoproj.io/subscribe";

const configMap = (data: Record<string, string> = {}, namespace = "argo-rollouts"): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "argo-rollouts-notification-configmap", namespace },
  data: {
    "service.webhook.hooks": "url: http://hooks.test/secret-path",
    "template.text":
      "message: x\nwebhook:\n  hooks: {method: POST, body: '{{.rollout.metadata.name}} in {{.recipient}}'}",
    "trigger.on-rollout-completed": "- send: [text]",
    ...data,
  },
});

function aRollout(annotations: Record<string, string>): KubeObject {
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i:1" }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template, strategy: { canary: {} } };
  return { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata: { name: "web", annotations }, spec };
}

interface Bench {
  readonly world: World;
  readonly requests: HttpRequest[];
  readonly mails: string[];
  readonly metrics: NotificationMetrics;
  restart(): Promise<void>;
}

/** A world whose controllers' events are told; `answers` in turn, the last one for ever. */
async function start(
  answers: readonly (HttpAnswer | Error)[] = [{ status: 200, text: "" }],
  isSelfService = false,
): Promise<Bench> {
  const requests: HttpRequest[] = [];
  const mails: string[] = [];
  const metrics = new NotificationMetrics();
  let notifier: Notifier | null = null;
  const observer: RunnerObserver = {
    onChange: (change) => notifier?.onChange(change),
    onEvent: (component, event) => notifier?.onEvent(component, event),
  };
  const world = await startWorld({ packs: [istioPack, argoPack], controllers: argoControllers(), observer });
  const make = () =>
    new Notifier({
      client: world.client,
      clock: world.clock,
      logger: silentLogger,
      http: async (request) => {
        requests.push(request);
        const answer = answers[Math.min(requests.length, answers.length) - 1] as HttpAnswer | Error;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      sendMail: async ({ mail }) => {
        mails.push(`${mail.to.join()}: ${mail.subject}: ${mail.body}`);
      },
      caches: () => world.caches,
      metrics,
      controllerNamespace: "argo-rollouts",
      isSelfService,
      instanceId: "",
    });
  notifier = make();
  await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "argo-rollouts" } });
  const restart = async () => {
    notifier?.stop();
    notifier = make();
    await world.restartControllers();
    await world.settle();
  };
  return { world, requests, mails, metrics, restart };
}

async function warnings(world: World, reason: string): Promise<readonly string[]> {
  return (await world.list(resources.events))
    .filter((one) => one["reason"] === reason)
    .map((one) => String(one["message"]));
}

test("NO-003 NO-007 a release that completes is told to the webhook, once", async () => {
  const { world, requests, metrics } = await start();
  await world.apply(configMap());
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-completed.hooks`]: "ops" }));
  await world.settle();
  assert.deepEqual(
    requests.map(({ method, url, body }) => [method, url, body]),
    [["POST", "http://hooks.test/secret-path", "web in ops"]],
  );
  const sent = 'notification_send_success{namespace="default",name="web",type="Normal",reason="RolloutCompleted"} 1';
  assert.ok(renderMetrics([metrics]).includes(sent));
  assert.deepEqual(await warnings(world, "InvalidSubscription"), []);
  await world.stop();
});

test("NO-001 without a configuration nothing is sent, and a subscription is told that", async () => {
  const { world, requests } = await start();
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-completed.hooks`]: "ops" }));
  await world.settle();
  assert.equal(requests.length, 0);
  assert.match((await warnings(world, "InvalidSubscription"))[0] ?? "", /notifications are not configured/);
  await world.stop();
});

test("SU-032 a wrong trigger name is told at the Rollout, once, until it changes", async () => {
  const { world } = await start();
  await world.apply(configMap());
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-completed.hooks`]: "ops" }));
  await world.settle();
  await world.patch(resources.argoRollouts, KEY, { metadata: { annotations: { other: "x" } } });
  await world.settle();
  const told = await warnings(world, "InvalidSubscription");
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /trigger "on-completed" is not configured; configured are: on-rollout-completed/);
  await world.stop();
});

test("NO-001 a mistake in the configuration is told at the ConfigMap", async () => {
  const { world, requests } = await start();
  await world.apply(configMap({ "service.teams": "url: x" }));
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-completed.hooks`]: "ops" }));
  await world.settle();
  assert.match(
    (await warnings(world, "InvalidNotificationConfig"))[0] ?? "",
    /'teams' is not available in this version/,
  );
  assert.equal(requests.length, 1);
  await world.stop();
});

test("NO-007 NO-009 a busy receiver is asked again, then the failure is counted; the release goes on", async () => {
  const { world, requests, metrics } = await start([{ status: 503, text: "busy" }]);
  await world.apply(configMap());
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-completed.hooks`]: "ops" }));
  await world.settle();
  await world.advance(30_000);
  assert.equal(requests.length, 4, "once, and three times more");
  assert.match(renderMetrics([metrics]), /notification_send_error\{.*reason="RolloutCompleted"\} 1/);
  const rollout = await world.get(resources.argoRollouts, KEY);
  assert.equal((rollout?.["status"] as { phase?: string } | undefined)?.phase, "Healthy");
  await world.stop();
});

test("NO-006 a mail is sent to its subscriber", async () => {
  const { world, mails } = await start();
  const data = {
    "service.email": "{host: mail.test, from: argo@x.test}",
    "template.text": "message: done\nemail: {subject: 'Rollout {{.rollout.metadata.name}}'}",
  };
  await world.apply(configMap(data));
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-completed.email`]: "ops@x.test" }));
  await world.settle();
  assert.deepEqual(mails, ["ops@x.test: Rollout web: done"]);
  await world.stop();
});

test("NO-007 a refusal is not asked again", async () => {
  const { world, requests } = await start([{ status: 404, text: "" }]);
  await world.apply(configMap());
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-completed.hooks`]: "ops" }));
  await world.settle();
  await world.advance(30_000);
  assert.equal(requests.length, 1);
  await world.stop();
});

test("SU-032 oncePer tells once, also after a restart", async () => {
  const { world, requests, restart } = await start();
  await world.apply(
    configMap({ "trigger.on-rollout-added-to-informer": "- {oncePer: rollout.metadata.uid, send: [text]}" }),
  );
  await world.settle();
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-added-to-informer.hooks`]: "ops" }));
  await world.settle();
  await restart();
  await restart();
  assert.equal(requests.length, 1);
  const rollout = await world.get(resources.argoRollouts, KEY);
  assert.ok(
    rollout?.metadata.annotations?.["notified.notifications.argoproj.io"]?.includes("on-rollout-added-to-informer"),
  );
  await world.stop();
});

test("NO-003 without oncePer each event is told", async () => {
  const { world, requests, restart } = await start();
  await world.apply(configMap({ "trigger.on-rollout-added-to-informer": "- send: [text]" }));
  await world.settle();
  await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-added-to-informer.hooks`]: "ops" }));
  await world.settle();
  await restart();
  assert.equal(requests.length, 2);
  await world.stop();
});

for (const isSelfService of [false, true]) {
  test(`NO-001 a namespace's own configuration counts only where that is allowed (${isSelfService})`, async () => {
    const { world, requests } = await start(undefined, isSelfService);
    await world.apply(configMap({ "service.webhook.hooks": "url: http://own.test/" }, "default"));
    await world.apply(aRollout({ [`${SUBSCRIBE}.on-rollout-completed.hooks`]: "ops" }));
    await world.settle();
    assert.deepEqual(
      requests.map(({ url }) => url),
      isSelfService ? ["http://own.test/"] : [],
    );
    await world.stop();
  });
}

test("SU-032 an annotation that nobody can read is told at its Rollout, and stops nothing", async () => {
  const { world, requests } = await start();
  await world.apply(configMap());
  const lists = { "notifications.argoproj.io/subscriptions": "- *nobody" };
  await world.apply(aRollout({ ...lists, [`${SUBSCRIBE}.on-rollout-completed.hooks`]: "ops" }));
  await world.settle();
  assert.equal(requests.length, 1);
  const [warning = ""] = await warnings(world, "InvalidSubscription");
  assert.match(warning, /Unresolved alias/);
  await world.stop();
});
