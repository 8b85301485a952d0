import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "../../../kube/errors.ts";
import { decodeProtobuf } from "./protobuf.ts";

/** Bodies as kubectl 1.32 sends them. */
const DEPLOYMENT =
  "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErEBChwKAWQSABoBdCIAKgAyADgAQgBaCAoDYXBwEgFkEoIBCAASCgoICgNhcHASAWQaagoa" +
  "CgASABoAIgAqADIAOABCAFoICgNhcHASAWQSTBIuCgRlY2hvEgZlY2hvOjEqADIKCgAQABhQIgAqAEIAagByAIABAIgBAJABAKIBABoAMgBC" +
  "AEoAUgBYAGAAaACCAQCKAQCaAQDCAQAiAgoAKAA4ABoMCAAQABgAIAAoADgAGgAiAA==";
const INGRESS =
  "azhzAAofChRuZXR3b3JraW5nLms4cy5pby92MRIHSW5ncmVzcxJQChIKAWkSABoBdCIAKgAyADgAQgASNhIKCgNhLmISA3NlYxooCgNhLmIS" +
  "IQofCh0KAi94Eg8iDQoBcxIICgRodHRwEAAaBlByZWZpeBoCCgAaACIA";
const SECRET = "azhzAAoMCgJ2MRIGU2VjcmV0Eh4KEgoBcxIAGgF0IgAqADIAOABCABIGCgFhEgFiGgAaACIA";

function decode(base64: string) {
  return decodeProtobuf(Buffer.from(base64, "base64"));
}

test("K8S-52 a pointer that is zero was meant: replicas 0 stays, a priority of nobody goes", () => {
  assert.deepEqual(decode(DEPLOYMENT), {
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: { name: "d", namespace: "t", labels: { app: "d" } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "d" } },
      template: {
        metadata: { labels: { app: "d" } },
        spec: { containers: [{ name: "echo", image: "echo:1", ports: [{ containerPort: 80 }], resources: {} }] },
      },
      strategy: {},
    },
    status: { replicas: 0 },
  });
});

test("K8S-51 members that Go embeds stand in their parent", () => {
  assert.deepEqual(decode(INGRESS)["spec"], {
    tls: [{ hosts: ["a.b"], secretName: "sec" }],
    rules: [
      {
        host: "a.b",
        http: {
          paths: [{ path: "/x", backend: { service: { name: "s", port: { name: "http" } } }, pathType: "Prefix" }],
        },
      },
    ],
  });
});

test("K8S-51 bytes become base64", () => {
  assert.deepEqual(decode(SECRET)["data"], { a: "Yg==" });
});

/** A tiny writer, for the shapes that kubectl does not produce by itself. */
function field(number: number, value: string | number | Buffer): Buffer {
  if (typeof value === "number") return Buffer.from([number * 8, ...varint(BigInt.asUintN(64, BigInt(value)))]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...varint(BigInt(bytes.length))]), bytes]);
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

function object(apiVersion: string, kind: string, ...fields: Buffer[]): Buffer {
  const typeMeta = Buffer.concat([field(1, apiVersion), field(2, kind)]);
  return Buffer.concat([Buffer.from("k8s\0"), field(1, typeMeta), field(2, Buffer.concat(fields))]);
}

test("K8S-51 times, negative numbers and options of a delete", () => {
  const time = Buffer.concat([field(1, Date.UTC(2030, 0, 1) / 1000), field(2, 5_000_000)]);
  const spec = Buffer.concat([field(1, "me"), field(2, -1), field(4, time)]);
  assert.deepEqual(decodeProtobuf(object("coordination.k8s.io/v1", "Lease", field(2, spec)))["spec"], {
    holderIdentity: "me",
    leaseDurationSeconds: -1,
    renewTime: "2030-01-01T00:00:00.005000Z",
  });
  const options = object("apps/v1", "DeleteOptions", field(1, 0), field(4, "Foreground"), field(5, "All"));
  const { kind, apiVersion, ...rest } = decodeProtobuf(options);
  assert.deepEqual(rest, { gracePeriodSeconds: 0, propagationPolicy: "Foreground", dryRun: ["All"] });
});

const broken: readonly { name: string; body: Buffer; code: number }[] = [
  { name: "K8S-50 no prefix", body: Buffer.from("{}"), code: 400 },
  { name: "K8S-50 cut off", body: Buffer.from(DEPLOYMENT, "base64").subarray(0, 60), code: 400 },
  { name: "K8S-51 a kind without a table", body: object("storage.k8s.io/v1", "CSINode"), code: 415 },
  { name: "K8S-51 a version without a table", body: object("extensions/v1beta1", "Deployment"), code: 415 },
  { name: "K8S-50 a wrong wire type", body: object("v1", "ConfigMap", field(1, 5)), code: 400 },
];

for (const { name, body, code } of broken) {
  test(`${name} is refused`, () => {
    assert.throws(
      () => decodeProtobuf(body),
      (error) => isApiError(error) && error.code === code,
    );
  });
}
