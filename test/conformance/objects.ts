import assert from "node:assert/strict";
import type { Loose } from "./cluster.ts";
import { configMap, pod, service, web, widget } from "./fixtures.ts";
import { type CheckGroup, causes, check, refused, succeeded } from "./scene.ts";

export const objects: CheckGroup = {
  name: "create, names, metadata, validation",
  async setUp(scene) {
    await scene.create(scene.DEP, web());
  },
  checks: [
    check(28, "create fills the metadata", async (scene) => {
      const { metadata } = await scene.create(scene.CM, { metadata: { name: "c1" } });
      assert.match(metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.match(metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.match(metadata.resourceVersion, /^\d+$/);
      assert.equal(metadata.namespace, scene.namespace);
    }),
    check(29, "create of an existing name", async (scene) => {
      const reply = await scene.post(scene.CM, { metadata: { name: "c1" } });
      const { details } = refused(reply, 409, /^configmaps "c1" already exists$/, "AlreadyExists");
      assert.deepEqual([details.name, details.kind], ["c1", "configmaps"]);
    }),
    check(30, "create without a name", async (scene) => {
      const reply = await scene.post(scene.CM, { metadata: {} });
      refused(reply, 422, "metadata.name: Required value: name or generateName is required", "Invalid");
    }),
    check(31, "create with generateName", async (scene) => {
      const { metadata } = await scene.create(scene.CM, { metadata: { generateName: "g-" } });
      assert.match(metadata.name, /^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    }),
    check(32, "a name with capitals", async (scene) => {
      const status = refused(await scene.post(scene.CM, configMap("Bad_Name")), 422, "", "Invalid");
      assert.deepEqual(causes(status), [["metadata.name", "FieldValueInvalid"]]);
    }),
    check(33, "a namespace with a dot", async (scene) => {
      refused(await scene.post("/api/v1/namespaces", { metadata: { name: "a.b" } }), 422, "must not contain dots");
    }),
    check(34, "a service with a capital", async (scene) => {
      refused(await scene.post(scene.SVC, service("S1")), 422, "DNS-1035");
    }),
    check(35, "a namespace that is not there", async (scene) => {
      const path = "/api/v1/namespaces/nons/configmaps";
      refused(await scene.post(path, configMap("c")), 404, /^namespaces "nons" not found$/);
    }),
    check(36, "another namespace in the body", async (scene) => {
      const reply = await scene.post(scene.CM, configMap("c", {}, { namespace: "other" }));
      const text = "the namespace of the provided object does not match the namespace sent on the request";
      refused(reply, 400, text, "BadRequest");
    }),
    check(37, "a resourceVersion on create", async (scene) => {
      const reply = await scene.post(scene.CM, configMap("c", {}, { resourceVersion: "1" }));
      refused(reply, reply.code, "resourceVersion should not be set on objects to be created");
    }),
    check(38, "a body that is no JSON", async (scene) => {
      refused(await scene.post(scene.CM, "{bad"), 400, "couldn't get version/kind; json parse error", "BadRequest");
    }),
    check(39, "a body of another kind", async (scene) => {
      const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } };
      refused(await scene.post(scene.CM, secret), 400, "cannot be handled as a ConfigMap");
    }),
    check(40, "a number where a text belongs", async (scene) => {
      const reply = await scene.post(scene.CM, { metadata: { name: "n" }, data: { x: 1 } });
      refused(reply, 400, "cannot unmarshal number");
    }),
    check(41, "Strict refuses unknown and duplicate fields", async (scene) => {
      const reply = await scene.post(`${scene.CM}?fieldValidation=Strict`, withUnknownFields("u1"));
      refused(reply, 400, 'strict decoding error: unknown field "foo", duplicate field "data.a"');
    }),
    check(42, "Warn stores and tells", async (scene) => {
      const reply = await scene.post(`${scene.CM}?fieldValidation=Warn`, withUnknownFields("u2"));
      succeeded(reply, 201);
      const warnings = [reply.headers["warning"]].flat().join(" ");
      assert.match(warnings, /299 - "unknown field \\"foo\\""/);
      assert.match(warnings, /299 - "duplicate field \\"data.a\\""/);
      const input = JSON.stringify({ ...configMap("u4"), foo: 1 });
      const { err } = await scene.kubectl("apply --validate=warn -f -", { input });
      assert.match(err, /Warning: unknown field "foo"/);
    }),
    check(43, "Ignore stores silently, without the unknown", async (scene) => {
      const reply = await scene.post(`${scene.CM}?fieldValidation=Ignore`, withUnknownFields("u3"));
      assert.equal(succeeded(reply, 201).foo, undefined);
      assert.equal(reply.headers["warning"], undefined);
    }),
    check(44, "a dry run stores nothing", async (scene) => {
      const { metadata } = await scene.create(`${scene.CM}?dryRun=All`, configMap("dry"));
      assert.ok(metadata.uid);
      refused(await scene.http(`${scene.CM}/dry`), 404, /^configmaps "dry" not found$/, "NotFound");
    }),
    check(45, "an unknown dryRun", async (scene) => {
      const reply = await scene.post(`${scene.CM}?dryRun=Foo`, configMap("dry"));
      refused(reply, 422, /^CreateOptions\.meta\.k8s\.io "" is invalid: dryRun: Unsupported value/);
    }),
    check(46, "a selector that does not select the template", async (scene) => {
      const deployment = web("bad46");
      deployment.spec.template.metadata.labels = { a: "c" };
      const text =
        'spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`';
      refused(await scene.post(scene.DEP, deployment), 422, text);
    }),
    check(47, "all problems in one answer", async (scene) => {
      const status = refused(
        await scene.post(scene.DEP, { metadata: { name: "bad47" }, spec: { template: {} } }),
        422,
        'Deployment.apps "bad47" is invalid: [',
      );
      const fields = causes(status).map(([field]) => field);
      for (const field of ["spec.selector", "spec.template.metadata.labels", "spec.template.spec.containers"]) {
        assert.ok(fields.includes(field), `${field} is not among ${fields.join(", ")}`);
      }
    }),
    check(48, "a selector cannot change (K8S-100)", async (scene) => {
      const body = { spec: { selector: { matchLabels: { z: "z" } } } };
      refused(await scene.patch(`${scene.DEP}/web`, "merge", body), 422, "field is immutable");
    }),
    check(49, "defaults of a Deployment", async (scene) => {
      const app = { app: "min" };
      const template = { metadata: { labels: app }, spec: { containers: [{ name: "c", image: "echo" }] } };
      const { spec } = await scene.create(scene.DEP, {
        metadata: { name: "min" },
        spec: { selector: { matchLabels: app }, template },
      });
      const { template: filled, selector, ...rest } = spec;
      assert.deepEqual(rest, {
        replicas: 1,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
      });
      const { containers, ...podSpec } = filled.spec;
      assert.deepEqual(podSpec, {
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 30,
        dnsPolicy: "ClusterFirst",
        schedulerName: "default-scheduler",
        securityContext: {},
      });
      assert.deepEqual(containers[0], {
        name: "c",
        image: "echo",
        imagePullPolicy: "Always",
        resources: {},
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
      });
    }),
    check(50, "defaults of a Service", async (scene) => {
      const { spec } = await scene.create(scene.SVC, service("s50"));
      assert.match(spec.clusterIP, /^\d+\.\d+\.\d+\.\d+$/);
      assert.deepEqual(spec.clusterIPs, [spec.clusterIP]);
      assert.deepEqual(spec.ports, [{ port: 80, protocol: "TCP", targetPort: 80 }]);
      assert.equal(spec.type, "ClusterIP");
    }),
    check(51, "a headless Service gets no address", async (scene) => {
      const { spec } = await scene.create(scene.SVC, service("s51", { clusterIP: "None" }));
      assert.equal(spec.clusterIP, "None");
    }),
    check(52, "a node port is given once", async (scene) => {
      const spec = { type: "NodePort", ports: [{ port: 80, nodePort: 30099 }] };
      await scene.create(scene.SVC, service("s52a", spec));
      refused(await scene.post(scene.SVC, service("s52b", spec)), 422, "provided port is already allocated");
      await scene.delete(`${scene.SVC}/s52a`);
    }),
    check(53, "a cluster address cannot change (K8S-100)", async (scene) => {
      const { spec } = await scene.get(`${scene.SVC}/s50`);
      const other = spec.clusterIP.replace(/\d+$/, (last: string) => String((Number(last) % 200) + 1));
      const reply = await scene.patch(`${scene.SVC}/s50`, "merge", { spec: { clusterIP: other, clusterIPs: [other] } });
      refused(reply, 422, "may not change once set");
    }),
    check(54, "stringData becomes data", async (scene) => {
      const path = `/api/v1/namespaces/${scene.namespace}/secrets`;
      const secret = await scene.create(path, { metadata: { name: "s54" }, stringData: { a: "b" } });
      assert.deepEqual([secret.data, secret.stringData, secret.type], [{ a: "Yg==" }, undefined, "Opaque"]);
    }),
    check(55, "a label that is too long", async (scene) => {
      const reply = await scene.post(scene.CM, configMap("l55", {}, { labels: { k: "x".repeat(64) } }));
      refused(reply, 422, "must be no more than 63 characters");
    }),
    check(56, "annotations that are too large", async (scene) => {
      const reply = await scene.post(scene.CM, configMap("a56", {}, { annotations: { k: "x".repeat(270_000) } }));
      refused(reply, 422, "may not be more than 262144 bytes");
    }),
    check(57, "a finalizer without a domain", async (scene) => {
      const reply = await scene.post(scene.CM, configMap("f57", {}, { finalizers: ["foo"] }));
      refused(reply, 422, "name is neither a standard finalizer name nor is it fully qualified");
    }),
    check(58, "uid is fixed, creationTimestamp is ignored", async (scene) => {
      const path = `${scene.CM}/c1`;
      refused(await scene.patch(path, "merge", { metadata: { uid: "x" } }), 422, "field is immutable");
      const before = await scene.get(path);
      const body = { metadata: { creationTimestamp: "2001-01-01T00:00:00Z" } };
      const after = succeeded(await scene.patch(path, "merge", body));
      assert.deepEqual(after.metadata, before.metadata);
    }),
    check(59, "of a pod only a few fields may change", async (scene) => {
      await scene.create(scene.POD, pod("p59"));
      const change = (container: Loose) => ({ spec: { containers: [{ name: "c", ...container }] } });
      const path = `${scene.POD}/p59`;
      const reply = await scene.patch(path, "strategic", change({ env: [{ name: "A", value: "2" }] }));
      refused(reply, 422, "pod updates may not change fields other than");
      const changed = succeeded(await scene.patch(path, "strategic", change({ image: "echo:2" })));
      assert.equal(changed.spec.containers[0].image, "echo:2");
    }),
    check(60, "an immutable ConfigMap (K8S-100)", async (scene) => {
      await scene.create(scene.CM, { ...configMap("i60"), immutable: true });
      const reply = await scene.patch(`${scene.CM}/i60`, "merge", { data: { a: "2" } });
      refused(reply, 422, "field is immutable when `immutable` is set");
    }),
    check(61, "a stale write", async (scene) => {
      const old = await scene.create(scene.CM, configMap("u61"));
      succeeded(await scene.patch(`${scene.CM}/u61`, "merge", { data: { a: "2" } }));
      const reply = await scene.put(`${scene.CM}/u61`, { ...old, data: { a: "3" } });
      refused(reply, 409, "the object has been modified; please apply your changes to the latest version", "Conflict");
    }),
    check(62, "a PUT without resourceVersion", async (scene) => {
      succeeded(await scene.put(`${scene.CM}/u61`, configMap("u61", { a: "4" })));
      await scene.create(scene.WD, widget("w62"));
      refused(await scene.put(`${scene.WD}/w62`, widget("w62")), 422, "must be specified for an update");
    }),
    check(63, "a PUT of a missing object", async (scene) => {
      refused(await scene.put(`${scene.CM}/missing`, configMap("missing")), 404, /^configmaps "missing" not found$/);
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${scene.namespace}/leases`;
      succeeded(await scene.put(`${leases}/l1`, { metadata: { name: "l1" }, spec: { holderIdentity: "me" } }), 201);
    }),
    check(64, "a PUT of another name", async (scene) => {
      const text = "the name of the object (other) does not match the name on the URL (u61)";
      refused(await scene.put(`${scene.CM}/u61`, configMap("other")), 400, text);
    }),
  ],
};

function withUnknownFields(name: string): string {
  return `{"metadata":{"name":"${name}"},"foo":1,"data":{"a":"1","a":"2"}}`;
}
