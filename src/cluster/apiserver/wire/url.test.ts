import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePath } from "./url.ts";

const core = { kind: "resource", group: "", version: "v1", isWatch: false, namespace: "", name: "", subresource: "" };

const cases: readonly { path: string; route: object | null }[] = [
  { path: "/api", route: { kind: "core-versions" } },
  { path: "/apis/", route: { kind: "groups" } },
  { path: "/apis/apps", route: { kind: "group", group: "apps" } },
  { path: "/apis/apps/v1", route: { kind: "resources", group: "apps", version: "v1" } },
  { path: "/api/v1/pods", route: { ...core, plural: "pods" } },
  { path: "/api/v1/nodes/n", route: { ...core, plural: "nodes", name: "n" } },
  { path: "/api/v1/nodes/n/status", route: { ...core, plural: "nodes", name: "n", subresource: "status" } },
  { path: "/api/v1/namespaces", route: { ...core, plural: "namespaces" } },
  { path: "/api/v1/namespaces/t", route: { ...core, plural: "namespaces", name: "t" } },
  {
    path: "/api/v1/namespaces/t/finalize",
    route: { ...core, plural: "namespaces", name: "t", subresource: "finalize" },
  },
  { path: "/api/v1/namespaces/t/pods", route: { ...core, namespace: "t", plural: "pods" } },
  {
    path: "/api/v1/namespaces/t/pods/p/log",
    route: { ...core, namespace: "t", plural: "pods", name: "p", subresource: "log" },
  },
  {
    path: "/api/v1/namespaces/t/services/s:80/proxy/a/b",
    route: { ...core, namespace: "t", plural: "services", name: "s:80", subresource: "proxy/a/b" },
  },
  {
    path: "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin",
    route: { ...core, group: "rbac.authorization.k8s.io", plural: "clusterroles", name: "system:admin" },
  },
  { path: "/api/v1/watch/namespaces/t/pods", route: { ...core, isWatch: true, namespace: "t", plural: "pods" } },
  { path: "/healthz", route: { kind: "other", path: "/healthz" } },
  { path: "/api//v1", route: null },
  { path: "/api/v1/pods/%zz", route: null },
];

for (const { path, route } of cases) {
  test(`K8S-104 ${path}`, () => assert.deepEqual(parsePath(path), route));
}
