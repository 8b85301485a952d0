import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { type Knowledge, knowledgeOf } from "./known-pods.ts";

const told = { "endpointslices.discovery.k8s.io": "10", pods: "10" };

function pod(name: string, revision: number): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, resourceVersion: String(revision) } };
}

function slice(revision: number, ...names: string[]): KubeObject {
  const endpoints = names.map((name) => ({ conditions: { ready: name !== "starting" }, targetRef: { name } }));
  const metadata = { name: "web", resourceVersion: String(revision) };
  return { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata, endpoints };
}

interface Case {
  readonly name: string;
  readonly data?: Readonly<Record<string, string>> | null;
  readonly slices: readonly KubeObject[];
  readonly pods?: readonly KubeObject[];
  readonly wanted: Knowledge | null;
}

const cases: readonly Case[] = [
  { name: "a pod in a slice that is live", slices: [slice(10, "a")], wanted: "known" },
  { name: "one of several slices is enough", slices: [slice(11, "a"), slice(9, "a")], wanted: "known" },
  {
    name: "one of several pods is enough",
    slices: [slice(9, "a", "b")],
    pods: [pod("a", 12), pod("b", 8)],
    wanted: "known",
  },
  { name: "the slice is newer", slices: [slice(11, "a")], wanted: "not yet in the slices" },
  { name: "the pod is newer", slices: [slice(10, "a")], pods: [pod("a", 11)], wanted: "not yet among the pods" },
  { name: "no slice has the pod", slices: [slice(9, "other")], wanted: "unlisted" },
  {
    name: "a pod that is not ready does not count",
    slices: [slice(9, "starting")],
    pods: [pod("starting", 5)],
    wanted: "unlisted",
  },
  { name: "no slices", slices: [], wanted: "unlisted" },
  { name: "no pods", slices: [slice(9, "a")], pods: [], wanted: "unlisted" },
  { name: "nobody tells", data: null, slices: [slice(10, "a")], wanted: null },
  {
    name: "nobody tells of pods",
    data: { "endpointslices.discovery.k8s.io": "10" },
    slices: [slice(10, "a")],
    wanted: null,
  },
];

for (const { name, data = told, slices, pods = [pod("a", 5)], wanted } of cases) {
  test(`INV-01 does the data plane know a pod: ${name}`, () => {
    const configMap = data && { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "fairway-data-plane" }, data };
    assert.equal(knowledgeOf(configMap, slices, pods), wanted);
  });
}
