import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy, deepFreeze } from "../base/json.ts";
import { isApiError } from "./errors.ts";
import { applyStrategicMergePatch } from "./strategic-merge.ts";

const named = (...names: string[]) => names.map((name) => ({ name }));
const pod = (spec: object) => ({ kind: "Pod", spec });
const service = (ports: object[]) => ({ kind: "Service", spec: { ports } });
const rolling = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } };

interface Case {
  name: string;
  target: object;
  patch: object;
  expected: object;
}

const cases: Case[] = [
  {
    name: "K8S-136 containers merge by name, args are replaced",
    target: pod({ containers: [{ name: "a", image: "x", args: ["1", "2"] }, { name: "b" }] }),
    patch: { spec: { containers: [{ name: "a", args: ["3"] }] } },
    expected: pod({ containers: [{ name: "a", image: "x", args: ["3"] }, { name: "b" }] }),
  },
  {
    name: "check 71: env E3 added, E1 deleted from [E1,E2]",
    target: pod({ containers: [{ name: "a", env: named("E1", "E2") }] }),
    patch: { spec: { containers: [{ name: "a", env: [{ name: "E3" }, { name: "E1", $patch: "delete" }] }] } },
    expected: pod({ containers: [{ name: "a", env: named("E3", "E2") }] }),
  },
  {
    name: "check 72: a new container comes first",
    target: pod({ containers: named("a", "b") }),
    patch: { spec: { containers: [{ name: "c2", image: "x" }] } },
    expected: pod({ containers: [{ name: "c2", image: "x" }, { name: "a" }, { name: "b" }] }),
  },
  {
    name: "K8S-136 an element after a live one keeps its place",
    target: pod({ containers: named("a", "b", "d") }),
    patch: { spec: { containers: named("b", "c") } },
    expected: pod({ containers: named("a", "b", "c", "d") }),
  },
  {
    name: "check 73: $setElementOrder decides",
    target: pod({ containers: named("a", "b") }),
    patch: { spec: { "$setElementOrder/containers": named("b", "a"), containers: [{ name: "a", image: "x" }] } },
    expected: pod({ containers: [{ name: "b" }, { name: "a", image: "x" }] }),
  },
  {
    name: "K8S-136 $setElementOrder without elements sorts, live-only elements keep their place",
    target: pod({ containers: named("a", "b", "c") }),
    patch: { spec: { "$setElementOrder/containers": named("c", "a") } },
    expected: pod({ containers: named("b", "c", "a") }),
  },
  {
    name: "check 74: $patch replace of a list",
    target: pod({ containers: named("a", "b") }),
    patch: { spec: { containers: [{ $patch: "replace" }, { name: "z", image: "x" }] } },
    expected: pod({ containers: [{ name: "z", image: "x" }] }),
  },
  {
    name: "check 75: $retainKeys drops the rest",
    target: { kind: "Deployment", spec: { strategy: rolling } },
    patch: { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
    expected: { kind: "Deployment", spec: { strategy: { type: "Recreate" } } },
  },
  {
    name: "check 75: without $retainKeys the rest stays",
    target: { kind: "Deployment", spec: { strategy: rolling } },
    patch: { spec: { strategy: { type: "Recreate" } } },
    expected: { kind: "Deployment", spec: { strategy: { ...rolling, type: "Recreate" } } },
  },
  {
    name: "check 76: $retainKeys of a volume",
    target: pod({ volumes: [{ name: "v1", emptyDir: {} }] }),
    patch: { spec: { volumes: [{ name: "v1", $retainKeys: ["name", "hostPath"], hostPath: { path: "/x" } }] } },
    expected: pod({ volumes: [{ name: "v1", hostPath: { path: "/x" } }] }),
  },
  {
    name: "check 77: $deleteFromPrimitiveList",
    target: { metadata: { finalizers: ["x.io/a", "x.io/b"] } },
    patch: { metadata: { "$deleteFromPrimitiveList/finalizers": ["x.io/a"] } },
    expected: { metadata: { finalizers: ["x.io/b"] } },
  },
  {
    name: "check 78: $patch replace of a map",
    target: { metadata: { labels: { a: "1", b: "2" } } },
    patch: { metadata: { labels: { $patch: "replace", z: "9" } } },
    expected: { metadata: { labels: { z: "9" } } },
  },
  {
    name: "check 78: null removes a member",
    target: { metadata: { labels: { a: "1", b: "2" } } },
    patch: { metadata: { labels: { a: null } } },
    expected: { metadata: { labels: { b: "2" } } },
  },
  {
    name: "K8S-137 $patch delete empties a map",
    target: { metadata: { labels: { a: "1" } } },
    patch: { metadata: { labels: { $patch: "delete" } } },
    expected: { metadata: { labels: {} } },
  },
  {
    name: "K8S-137 deleting an absent element is no error",
    target: pod({ containers: named("a") }),
    patch: { spec: { containers: [{ name: "b", $patch: "delete" }] } },
    expected: pod({ containers: named("a") }),
  },
  {
    name: "K8S-137 directives for a list that is not there are not stored",
    target: pod({}),
    patch: {
      spec: {
        containers: [
          { name: "b", $patch: "delete" },
          { name: "c", x: null },
        ],
      },
    },
    expected: pod({ containers: named("c") }),
  },
  {
    name: "K8S-138 finalizers: the patch's come first",
    target: { metadata: { finalizers: ["a", "b"] } },
    patch: { metadata: { finalizers: ["c"] } },
    expected: { metadata: { finalizers: ["c", "a", "b"] } },
  },
  {
    name: "K8S-136 lists outside the table are replaced",
    target: pod({ tolerations: [{ key: "a" }, { key: "b" }] }),
    patch: { spec: { tolerations: [{ key: "c" }] } },
    expected: pod({ tolerations: [{ key: "c" }] }),
  },
  {
    name: "K8S-136 conditions merge by type",
    target: { kind: "Pod", status: { conditions: [{ type: "Ready", status: "False" }, { type: "X" }] } },
    patch: { status: { conditions: [{ type: "Ready", status: "True" }] } },
    expected: { kind: "Pod", status: { conditions: [{ type: "Ready", status: "True" }, { type: "X" }] } },
  },
  {
    name: "K8S-136 a PDB's selector is replaced whole",
    target: { kind: "PodDisruptionBudget", spec: { selector: { matchLabels: { a: "1" } } } },
    patch: { spec: { selector: { matchLabels: { b: "2" } } } },
    expected: { kind: "PodDisruptionBudget", spec: { selector: { matchLabels: { b: "2" } } } },
  },
  {
    name: "surprise 7: the second protocol of a port is not lost",
    target: service([{ port: 53, protocol: "TCP" }]),
    patch: { spec: { ports: [{ port: 53, protocol: "UDP" }], "$setElementOrder/ports": [{ port: 53 }, { port: 53 }] } },
    expected: service([
      { port: 53, protocol: "TCP" },
      { port: 53, protocol: "UDP" },
    ]),
  },
  {
    name: "surprise 7: one port before and after changes its protocol",
    target: service([{ port: 53, protocol: "TCP" }]),
    patch: { spec: { ports: [{ port: 53, protocol: "UDP" }], "$setElementOrder/ports": [{ port: 53 }] } },
    expected: service([{ port: 53, protocol: "UDP" }]),
  },
  {
    name: "surprise 7: a port without protocol meets the only one",
    target: service([{ port: 53, protocol: "UDP" }]),
    patch: { spec: { ports: [{ port: 53, name: "dns" }] } },
    expected: service([{ port: 53, protocol: "UDP", name: "dns" }]),
  },
  {
    name: "surprise 7: deleting one protocol keeps the other",
    target: service([
      { port: 53, protocol: "TCP" },
      { port: 53, protocol: "UDP" },
    ]),
    patch: { spec: { ports: [{ port: 53, protocol: "UDP", $patch: "delete" }] } },
    expected: service([{ port: 53, protocol: "TCP" }]),
  },
];
for (const { name, target, patch, expected } of cases) {
  test(name, () => {
    const frozenPatch = deepFreeze(deepCopy(patch));
    assert.deepEqual(applyStrategicMergePatch(deepFreeze(deepCopy(target)), frozenPatch), expected);
  });
}

const containers = pod({ containers: named("a", "b") });
const refused: [name: string, patch: object, message: RegExp][] = [
  [
    "check 79: an element without its key",
    { spec: { containers: [{ image: "x" }] } },
    /^map: map\[image:x\] does not contain declared merge key: name$/,
  ],
  [
    "an element outside $setElementOrder",
    { spec: { containers: named("a"), "$setElementOrder/containers": named("b") } },
    /^The order in patch list:\n\[map\[name:a\]\]\n doesn't match \$setElementOrder list:\n\[map\[name:b\]\]\n$/,
  ],
  ["an unknown directive", { spec: { $patch: "foo" } }, /^unknown patch type: foo in map: map\[\$patch:foo\]$/],
  ["$retainKeys without a patched key", { spec: { $retainKeys: ["a"], b: 1 } }, /^invalid patch format of retainKeys$/],
];
for (const [name, patch, message] of refused) {
  test(`K8S-139 ${name} is 400`, () => {
    assert.throws(
      () => applyStrategicMergePatch(containers, patch),
      (error) => isApiError(error) && error.code === 400 && message.test(error.message),
    );
  });
}
