/**
 * The conformance list of the API server (transport, objects, patches, serverSideApply, lists, deletion, custom kinds), checked through
 * real `kubectl` and plain HTTP. Each check is named by its number in the list; see `cluster.ts` for how to run the
 * same file against a real cluster.
 */
import { after, before, describe, test } from "node:test";
import { type Cluster, openCluster } from "./cluster.ts";
import { customResources } from "./custom-resources.ts";
import { deletion } from "./deletion.ts";
import { widgetCrd } from "./fixtures.ts";
import { lists } from "./lists.ts";
import { objects } from "./objects.ts";
import { patches } from "./patches.ts";
import { type CheckGroup, Scene, succeeded } from "./scene.ts";
import { serverSideApply } from "./server-side-apply.ts";
import { transport } from "./transport.ts";

const groups: readonly CheckGroup[] = [transport, objects, patches, serverSideApply, lists, deletion, customResources];

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

describe("API server conformance", () => {
  let cluster: Cluster;

  before(async () => {
    cluster = await openCluster();
    const reply = await cluster.http(CRDS, { method: "POST", body: widgetCrd });
    succeeded(reply, 201);
  });

  after(async () => {
    await cluster?.http(`${CRDS}/${widgetCrd.metadata.name}`, { method: "DELETE" });
    await cluster?.stop();
  });

  for (const [index, group] of groups.entries()) {
    describe(group.name, () => {
      const name = `t${index}-${process.pid}`;
      let scene: Scene;

      before(async () => {
        scene = new Scene(cluster, name);
        await scene.create("/api/v1/namespaces", { metadata: { name } });
        await group.setUp?.(scene);
      });

      after(async () => {
        await scene.delete(`/api/v1/namespaces/${name}`);
      });

      for (const { number, title, missing, run } of group.checks) {
        const options = missing === undefined ? {} : { todo: missing };
        test(`K8S check ${number}: ${title}`, options, () => run(scene));
      }
    });
  }
});
