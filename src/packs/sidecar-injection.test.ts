import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import type { AdmissionReader, AdmissionRequest } from "../kube/admission.ts";
import { resources } from "../kube/resource.ts";
import { sidecarInjection } from "./sidecar-injection.ts";

const INJECT = "sidecar.istio.io/inject";
const reader: AdmissionReader = { get: () => null, list: () => [] };

function pod(metadata: object, spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", ...metadata },
    spec: { containers: [{ name: "web", image: "web:1" }], ...spec },
  };
}

function admitted(object: KubeObject, request: Partial<AdmissionRequest> = {}): KubeObject {
  const result = sidecarInjection.admit(
    {
      operation: "CREATE",
      type: resources.pods,
      subresource: "",
      namespace: "default",
      name: "web",
      object,
      oldObject: null,
      userAgent: "",
      dryRun: false,
      ...request,
    },
    reader,
  );
  assert.ok(result.allowed);
  return result.object ?? object;
}

function containerNames(object: KubeObject): string {
  return (object["spec"] as { containers: { name: string }[] }).containers.map(({ name }) => name).join();
}

const cases = [
  { name: "an annotation asks for it", pod: pod({ annotations: { [INJECT]: "true" } }), want: "web,istio-proxy" },
  { name: "a label asks for it", pod: pod({ labels: { [INJECT]: "true" } }), want: "web,istio-proxy" },
  {
    name: "the label outranks the annotation",
    pod: pod({ labels: { [INJECT]: "false" }, annotations: { [INJECT]: "true" } }),
    want: "web",
  },
  { name: "nothing asks for it", pod: pod({}), want: "web" },
  {
    name: "the pod is on the host's network",
    pod: pod({ labels: { [INJECT]: "true" } }, { hostNetwork: true }),
    want: "web",
  },
  {
    name: "the pod brings its own",
    pod: pod({ labels: { [INJECT]: "true" } }, { containers: [{ name: "web" }, { name: "istio-proxy" }] }),
    want: "web,istio-proxy",
  },
];

for (const { name, pod, want } of cases) {
  test(`SE-009 sidecar: ${name}`, () => assert.equal(containerNames(admitted(pod)), want));
}

test("SE-009 an update adds no sidecar: containers of a pod never change", () => {
  const object = pod({ annotations: { [INJECT]: "true" } });
  assert.equal(containerNames(admitted(object, { operation: "UPDATE", oldObject: object })), "web");
});

test("SE-009 the application stays the pod's default container", () => {
  const { metadata } = admitted(pod({ annotations: { [INJECT]: "true" } }));
  assert.equal(metadata.annotations?.["kubectl.kubernetes.io/default-container"], "web");
});
