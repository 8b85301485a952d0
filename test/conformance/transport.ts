import assert from "node:assert/strict";
import type { Loose } from "./cluster.ts";
import { configMap, service, web } from "./fixtures.ts";
import { type CheckGroup, check, refused, type Scene, succeeded } from "./scene.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/** What kubectl sends (K8S-1). */
const DISCOVERY_ACCEPT = `${AGGREGATED},${AGGREGATED.replace("v=v2;", "v=v2beta1;")},application/json`;
const V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

export const transport: CheckGroup = {
  name: "transport, discovery, OpenAPI",
  async setUp(scene) {
    await scene.create(scene.DEP, web());
    await scene.create(scene.CM, configMap("x"));
  },
  checks: [
    check(1, "health is open to strangers", async ({ cluster }) => {
      for (const path of ["/healthz", "/livez", "/readyz"]) {
        const reply = await cluster.http(path, { token: null });
        assert.deepEqual([reply.code, reply.text], [200, "ok"]);
      }
    }),
    check(2, "readyz tells its checks", async ({ cluster }) => {
      const lines = (await cluster.http("/readyz?verbose")).text.trim().split("\n");
      assert.ok(lines.includes("[+]ping ok"), lines.join("\n"));
      assert.equal(lines.at(-1), "readyz check passed");
    }),
    check(3, "the version is a semantic version and kubectl reads it", async (scene) => {
      assert.match((await scene.get("/version")).gitVersion, /^v1\.\d+\.\d+/);
      const { out } = await scene.kubectl("version -o json");
      assert.match(JSON.parse(out).serverVersion.gitVersion, /^v1\.\d+\.\d+/);
    }),
    check(4, "the core versions", async (scene) => {
      const { kind, versions } = succeeded(await scene.http("/api", { headers: { accept: "application/json" } }));
      assert.deepEqual([kind, versions], ["APIVersions", ["v1"]]);
    }),
    check(5, "aggregated discovery with its exact type", async (scene) => {
      const reply = await scene.http("/apis", { headers: { accept: DISCOVERY_ACCEPT } });
      assert.equal(reply.headers["content-type"], AGGREGATED);
      const apps = reply.json.items.find((group: Loose) => group.metadata.name === "apps");
      const deployments = apps.versions[0].resources.find(({ resource }: Loose) => resource === "deployments");
      const names = deployments.subresources.map(({ subresource }: Loose) => subresource).sort();
      assert.deepEqual(names, ["scale", "status"]);
    }),
    check(6, "an unchanged discovery is not sent again", async (scene) => {
      const headers = { accept: DISCOVERY_ACCEPT };
      const first = await scene.http("/apis", { headers });
      const etag = String(first.headers["etag"]);
      const again = await scene.http("/apis", { headers: { ...headers, "if-none-match": etag } });
      assert.deepEqual([again.code, again.text], [304, ""]);
    }),
    check(7, "kubectl api-resources", async (scene) => {
      const { out } = await scene.kubectl("api-resources --api-group=apps --no-headers");
      const rows = out.trim().split("\n");
      assert.equal(rows.length, 5, out);
      for (const short of ["ds", "deploy", "rs", "sts"]) assert.match(out, new RegExp(`\\s${short}\\s`));
    }),
    check(8, "plain discovery names the same resources as the aggregated form", async (scene) => {
      assert.deepEqual(await plainResources(scene), await aggregatedResources(scene));
    }),
    check(9, "an unknown resource type", async (scene) => {
      const { code, err } = await scene.kubectl("get nosuch", { mayFail: true });
      assert.equal(code, 1);
      assert.match(err, /^error: the server doesn't have a resource type "nosuch"/m);
    }),
    check(10, "a List is applied although OpenAPI v2 is empty (K8S-10, K8S-62)", async (scene) => {
      assert.equal((await scene.http("/openapi/v2", { headers: { accept: V2_PROTOBUF } })).code, 200);
      const items = ["l1", "l2", "l3"].map((name) => configMap(name));
      const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
      const { out } = await scene.kubectl("apply -f -", { input });
      assert.equal(out.match(/ created$/gm)?.length, 3, out);
    }),
    check(11, "OpenAPI v3 tells that the server validates fields", async (scene) => {
      const { paths } = await scene.get("/openapi/v3");
      const document = await scene.get(paths["apis/apps/v1"].serverRelativeURL);
      const { patch } = document.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
      assert.ok(patch.parameters.some(({ name }: Loose) => name === "fieldValidation"));
    }),
    check(12, "kubectl explain of a built-in", async (scene) => {
      const { out } = await scene.kubectl("explain deploy.spec.replicas");
      assert.match(out, /^FIELD: replicas <integer>/m);
    }),
    check(13, "kubectl explain of a custom kind", async (scene) => {
      assert.match((await scene.kubectl("explain wd.spec.size")).out, /^FIELD: size <integer>/m);
      assert.match((await scene.kubectl("explain wd.spec")).out, /^ +size\s+<integer> -required-$/m);
    }),
    check(14, "unknown paths and unknown resources", async (scene) => {
      const unknown = await scene.http("/nonexist");
      assert.deepEqual([unknown.code, unknown.text.trim()], [404, "404 page not found"]);
      const resource = await scene.http("/api/v1/nosuch");
      refused(resource, 404, "the server could not find the requested resource", "NotFound");
    }),
    check(15, "a type that cannot be served", async (scene) => {
      refused(await scene.http(`${scene.CM}/x`, { headers: { accept: "text/html" } }), 406, "", "NotAcceptable");
    }),
    check(16, "weights in Accept", async (scene) => {
      const reply = await scene.http(`${scene.CM}/x`, { headers: { accept: "application/json, */*;q=0.8" } });
      assert.equal(succeeded(reply).kind, "ConfigMap");
    }),
    check(17, "YAML on demand", async (scene) => {
      const { text } = await scene.http(`${scene.CM}/x`, { headers: { accept: "application/yaml" } });
      assert.match(text, /^kind: ConfigMap$/m);
    }),
    check(18, "a body of an unknown type", async (scene) => {
      const types = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
      const reply = await scene.post(scene.CM, "x", { type: "text/plain" });
      refused(reply, 415, `accepted media types include: ${types}`, "UnsupportedMediaType");
    }),
    check(19, "a PUT without Content-Type is JSON (K8S-16)", async (scene) => {
      const scale = await scene.get(`${scene.DEP}/web/scale`);
      const changed = { ...scale, spec: { replicas: 3 } };
      const answer = succeeded(await scene.put(`${scene.DEP}/web/scale`, changed, { type: null }));
      assert.deepEqual([answer.kind, answer.spec.replicas], ["Scale", 3]);
      assert.equal((await scene.get(`${scene.DEP}/web`)).spec.replicas, 3);
    }),
    check(20, "a body that is too large", async (scene) => {
      for (const bytes of [3_300_000, 12_000_000]) {
        const reply = await scene.post(scene.CM, configMap("big", { a: "x".repeat(bytes) }));
        refused(reply, 413, "Request entity too large", "RequestEntityTooLarge");
      }
    }),
    check(21, "large lists are packed, watches never", async (scene) => {
      for (const name of ["g1", "g2"]) await scene.create(scene.CM, configMap(name, { a: "x".repeat(100_000) }));
      const headers = { "accept-encoding": "gzip" };
      assert.equal((await scene.http(scene.CM, { headers })).headers["content-encoding"], "gzip");
      const watch = await scene.watch(`${scene.CM}?watch=true`, headers);
      assert.equal(watch.headers["content-encoding"], undefined);
      watch.close();
    }),
    check(23, "kubectl create ns, in protobuf (K8S-14, K8S-53)", async (scene) => {
      const name = `${scene.namespace}-n1`;
      const { out } = await scene.kubectl(`create ns ${name}`);
      assert.equal(out, `namespace/${name} created\n`);
      const { metadata } = await scene.get(`/api/v1/namespaces/${name}`);
      assert.equal(metadata.labels["kubernetes.io/metadata.name"], name);
      await scene.delete(`/api/v1/namespaces/${name}`);
    }),
    check(24, "kubectl create deployment --replicas=0 (K8S-14)", async (scene) => {
      await scene.kubectl("create deployment d --image=echo:1 --replicas=0");
      assert.equal((await scene.get(`${scene.DEP}/d`)).spec.replicas, 0);
    }),
    check(25, "the other generators of kubectl create (K8S-14)", async (scene) => {
      await scene.kubectl("create secret generic s --from-literal=a=b");
      await scene.kubectl("create ingress i --rule=a.b/x*=s:http,tls=sec");
      await scene.kubectl("create pdb p --selector=a=b --max-unavailable=25%");
      const role = `${scene.namespace}-r`;
      await scene.kubectl(`create clusterrole ${role} --verb=get --resource=pods`);
      const { namespace } = scene;
      assert.deepEqual((await scene.get(`/api/v1/namespaces/${namespace}/secrets/s`)).data, { a: "Yg==" });
      const ingress = await scene.get(`/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/i`);
      assert.deepEqual(ingress.spec.rules[0].http.paths[0], {
        path: "/x",
        pathType: "Prefix",
        backend: { service: { name: "s", port: { name: "http" } } },
      });
      const budget = await scene.get(`/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/p`);
      assert.equal(budget.spec.maxUnavailable, "25%");
      const { rules } = await scene.get(`/apis/rbac.authorization.k8s.io/v1/clusterroles/${role}`);
      assert.deepEqual(rules, [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }]);
      await scene.delete(`/apis/rbac.authorization.k8s.io/v1/clusterroles/${role}`);
    }),
    check(27, "metadata alone", async (scene) => {
      const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
      const list = succeeded(await scene.http(`${scene.CM}?limit=1`, { headers: { accept } }));
      assert.deepEqual([list.kind, list.items[0].kind], ["PartialObjectMetadataList", "PartialObjectMetadata"]);
      assert.equal(list.items[0].data, undefined);
    }),
    check(189, "a bad token", async (scene) => {
      refused(await scene.http(scene.CM, { token: "wrong" }), 401, "Unauthorized", "Unauthorized");
      const { code, err } = await scene.kubectl("--token=wrong get cm", { mayFail: true });
      assert.equal(code, 1);
      assert.match(err, /error: You must be logged in to the server \(Unauthorized\)/);
    }),
    check(98, "kubectl get with a selector, everywhere, sorted", async (scene) => {
      for (const name of ["sb", "sa"]) {
        await scene.create(scene.SVC, { ...service(name), metadata: { name, labels: { sorted: scene.namespace } } });
      }
      const args = ["get", "svc", "-A", "-l", `sorted=${scene.namespace}`, "--sort-by=.metadata.name", "--no-headers"];
      const { out } = await scene.kubectl(args);
      const names = out
        .trim()
        .split("\n")
        .map((row) => row.split(/\s+/)[1]);
      assert.deepEqual(names, ["sa", "sb"]);
    }),
  ],
};

async function plainResources(scene: Scene): Promise<string[]> {
  const { groups } = await scene.get("/apis");
  const versions = groups.flatMap((group: Loose) => group.versions.map(({ groupVersion }: Loose) => groupVersion));
  const names: string[] = [];
  for (const version of versions) {
    const { resources } = await scene.get(`/apis/${version}`);
    for (const { name } of resources) names.push(`${version} ${name}`);
  }
  return names.sort();
}

async function aggregatedResources(scene: Scene): Promise<string[]> {
  const { items } = succeeded(await scene.http("/apis", { headers: { accept: DISCOVERY_ACCEPT } }));
  const names: string[] = [];
  for (const group of items) {
    for (const { version, resources } of group.versions) {
      for (const { resource, subresources = [] } of resources) {
        const all = ["", ...subresources.map(({ subresource }: Loose) => `/${subresource}`)];
        for (const suffix of all) names.push(`${group.metadata.name}/${version} ${resource}${suffix}`);
      }
    }
  }
  return names.sort();
}
