import type { IncomingMessage } from "node:http";
import { isMap, isSeq, parseDocument, type Node as YamlNode } from "yaml";
import { isRecord } from "../../../base/json.ts";
import { failure } from "../../../kube/errors.ts";
import type { ApiRequest } from "../request.ts";
import type { ResourceDefinition } from "../resource.ts";
import { findDuplicateFields } from "./json-reader.ts";
import { JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE } from "./negotiation.ts";
import { decodeProtobuf } from "./protobuf.ts";

/** The largest body that is read (K8S-46; kube-apiserver's own limit). */
const BODY_BYTES_MAX = 3_145_728;
/** Most clients read the refusal only after they have sent all. What is longer than this is cut off in the middle. */
const IGNORED_BYTES_MAX = 10 * BODY_BYTES_MAX;

export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let size = 0;
    const refuse = () =>
      reject(failure(413, "RequestEntityTooLarge", `Request entity too large: limit is ${BODY_BYTES_MAX}`));
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_BYTES_MAX) chunks.push(chunk);
      else chunks = [];
      if (size > IGNORED_BYTES_MAX) refuse();
    });
    request.on("end", () => {
      if (size > BODY_BYTES_MAX) refuse();
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    });
    request.on("error", reject);
    request.on("aborted", () => reject(new Error("the client went away")));
  });
}

export interface DecodedBody {
  readonly value: unknown;
  readonly duplicateFields: readonly string[];
}

const NO_BODY: DecodedBody = { value: undefined, duplicateFields: [] };

/** The body of a create, update or delete (K8S-42). */
export function decodeObject(bytes: Buffer, contentType: string | undefined, kind: string): DecodedBody {
  const type = mediaType(contentType);
  if (type === PROTOBUF_TYPE) return { value: decodeProtobuf(bytes), duplicateFields: [] };
  if (type !== JSON_TYPE && type !== YAML_TYPE) throw unknownFormat([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
  const decoded = read(bytes, type, (detail) => unrecognized(kind, detail));
  if (!isRecord(decoded.value)) throw unrecognized(kind, "the body is not an object");
  return decoded;
}

/** DELETE bodies are options and may be absent. */
export function decodeOptionalObject(bytes: Buffer, contentType: string | undefined, kind: string): DecodedBody {
  return bytes.length === 0 ? NO_BODY : decodeObject(bytes, contentType, kind);
}

type PatchType = NonNullable<ApiRequest["patchType"]>;

const PATCH_TYPES: Readonly<Record<string, PatchType>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/apply-patch+yaml": "apply",
  "application/strategic-merge-patch+json": "strategic",
};

/** Custom kinds have no strategic merge (K8S-90, K8S-164). */
export function patchTypeOf(contentType: string | undefined, definition: ResourceDefinition): PatchType {
  const type = PATCH_TYPES[mediaType(contentType)];
  if (type && !(type === "strategic" && definition.isCustom)) return type;
  const types = Object.keys(PATCH_TYPES);
  throw unknownFormat(definition.isCustom ? types.filter((name) => !name.includes("strategic")) : types);
}

export function decodePatch(bytes: Buffer, type: PatchType): DecodedBody {
  if (type === "apply") return decodeConfiguration(bytes);
  const decoded = read(bytes, JSON_TYPE, badPatch);
  if (type === "json" ? !Array.isArray(decoded.value) : !isRecord(decoded.value)) {
    throw badPatch(type === "json" ? "a JSON patch is a list of operations" : "the patch is not an object");
  }
  return decoded;
}

/** The body of a server-side apply. */
function decodeConfiguration(bytes: Buffer): DecodedBody {
  const decoded = read(bytes, YAML_TYPE, badConfiguration);
  if (!isRecord(decoded.value)) throw badConfiguration("the configuration is not an object");
  return decoded;
}

function badConfiguration(detail: string) {
  return failure(400, "BadRequest", `error decoding YAML: ${detail}`);
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? "").replace(/;.*$/s, "").trim().toLowerCase() || JSON_TYPE;
}

function unknownFormat(accepted: readonly string[]) {
  const list = accepted.join(", ");
  return failure(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${list}`,
  );
}

function unrecognized(kind: string, detail: string) {
  return failure(
    400,
    "BadRequest",
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${detail}`,
  );
}

function badPatch(detail: string) {
  return failure(400, "BadRequest", `error decoding patch: ${detail}`);
}

function read(bytes: Buffer, type: string, refuse: (detail: string) => Error): DecodedBody {
  if (bytes.length === 0) throw refuse("unexpected end of JSON input");
  const text = bytes.toString("utf8");
  try {
    // JSON is YAML, and apply patches usually are JSON: the fast reader goes first.
    if (type === JSON_TYPE || text.trimStart().startsWith("{")) {
      return { value: JSON.parse(text), duplicateFields: findDuplicateFields(text) };
    }
  } catch (error) {
    if (type === JSON_TYPE) throw refuse((error as Error).message);
  }
  return readYaml(text, refuse);
}

/** Bounds what `&anchor`/`*alias` bombs may unfold to. */
const YAML_ALIASES_MAX = 100;

function readYaml(text: string, refuse: (detail: string) => Error): DecodedBody {
  const document = parseDocument(text, { uniqueKeys: false });
  const problem = document.errors[0];
  if (problem) throw refuse(problem.message);
  const duplicateFields: string[] = [];
  collectYamlDuplicates(document.contents, "", duplicateFields);
  return { value: document.toJS({ maxAliasCount: YAML_ALIASES_MAX }), duplicateFields };
}

function collectYamlDuplicates(node: YamlNode | null, path: string, into: string[]): void {
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries())
      collectYamlDuplicates(item as YamlNode, `${path}[${index}]`, into);
  }
  if (!isMap(node)) return;
  const seen = new Set<string>();
  for (const { key, value } of node.items) {
    const name = String(key);
    const member = path === "" ? name : `${path}.${name}`;
    if (seen.has(name) && !into.includes(member)) into.push(member);
    seen.add(name);
    collectYamlDuplicates(value as YamlNode | null, member, into);
  }
}
