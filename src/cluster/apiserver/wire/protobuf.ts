/**
 * Reads the protobuf bodies that kubectl (since 1.32) and controller-runtime send for built-in kinds, into the JSON
 * form that everything behind the wire knows (K8S-50…52). It only decodes: answers to such clients are JSON, which
 * they accept (K8S-53).
 */
import { formatMicroTime, formatTime } from "../../../base/time.ts";
import { failure } from "../../../kube/errors.ts";
import { MESSAGES, POINTER_FIELDS, SPEC_STATUS_KINDS } from "./protobuf-messages.ts";

/** `k8s` and a zero byte open every body; then comes the message Unknown (K8S-50). */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** Deeper nesting than any real kind has means a hostile body. */
const DEPTH_MAX = 64;

export function decodeProtobuf(body: Buffer): Record<string, unknown> {
  if (body.length < MAGIC.length || !body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw malformed("the body does not start with the prefix of a Kubernetes object");
  }
  try {
    const unknown = decodeMessage(body.subarray(MAGIC.length), messageNamed("Unknown", ""), 0) as UnknownMessage;
    const apiVersion = unknown.typeMeta?.apiVersion ?? "";
    const kind = unknown.typeMeta?.kind ?? "";
    const message = messageOfKind(apiVersion, kind);
    const decoded = decodeMessage(Buffer.from(unknown.raw ?? "", "base64"), message, 0);
    return { ...(kind ? { kind } : {}), ...(apiVersion ? { apiVersion } : {}), ...(decoded as object) };
  } catch (error) {
    if (error instanceof RangeError) throw malformed(error.message);
    throw error;
  }
}

interface UnknownMessage {
  typeMeta?: { apiVersion?: string; kind?: string };
  raw?: string;
}

function malformed(detail: string) {
  return failure(400, "BadRequest", `the object provided is unrecognized: protobuf: ${detail}`);
}

interface Message {
  readonly name: string;
  readonly group: string;
  readonly fields: ReadonlyMap<number, Field>;
}

interface Field {
  readonly name: string;
  readonly shape: "single" | "list" | "map";
  /** "" string, "i", "b", "B", "d", or a message name. */
  readonly type: string;
}

let parsedMessages: Map<string, Message> | null = null;

function messages(): Map<string, Message> {
  if (parsedMessages) return parsedMessages;
  parsedMessages = new Map();
  for (const line of MESSAGES.trim().split("\n")) {
    const [qualified = "", fields = ""] = line.split(" = ");
    const [, name = "", group = ""] = /^(\w+)(?:\((.+)\))?$/.exec(qualified) ?? [];
    parsedMessages.set(qualified, { name, group, fields: parseFields(fields) });
  }
  return parsedMessages;
}

function parseFields(text: string): Map<number, Field> {
  const fields = new Map<number, Field>();
  for (const part of text.split(", ")) {
    const [, number = "", name = "", suffix = "", type = ""] = /^(\d+) (\w+)(\[\]|\{\})?(?::(.+))?$/.exec(part) ?? [];
    const shape = suffix === "[]" ? "list" : suffix === "{}" ? "map" : "single";
    fields.set(Number(number), { name, shape, type: type === "@" ? name[0]!.toUpperCase() + name.slice(1) : type });
  }
  return fields;
}

/** The message of a reference: in its own group first, then the shared ones. Null: not in the tables, skip it. */
function findMessage(name: string, group: string): Message | null {
  const found = messages().get(`${name}(${group})`) ?? messages().get(name);
  if (found) return found;
  if (!SPEC_STATUS_KINDS.has(name) || !findMessage(`${name}Spec`, group)) return null;
  const fields = parseFields(`1 metadata:ObjectMeta, 2 spec:${name}Spec, 3 status:${name}Status`);
  const message = { name, group, fields };
  messages().set(`${name}(${group})`, message);
  return message;
}

function messageNamed(name: string, group: string): Message {
  const message = findMessage(name, group);
  if (!message) throw new RangeError(`no message ${name}`);
  return message;
}

/** DeleteOptions, Eviction's options and the like come with the group of the resource they act on. */
function messageOfKind(apiVersion: string, kind: string): Message {
  const [groupOrVersion = "", version] = apiVersion.split("/");
  const group = version === undefined ? "" : `${groupOrVersion.split(".")[0]}/${version}`;
  const message = findMessage(kind, group);
  if (message) return { ...message, group };
  throw failure(
    415,
    "UnsupportedMediaType",
    `protobuf bodies of kind ${kind} in ${apiVersion} are not supported by this server; send application/json`,
  );
}

/** How a message stands in JSON when it is not an object (appendix of K8S-51). */
const JSON_FORMS: Readonly<Record<string, (message: Record<string, unknown>) => unknown>> = {
  Time: (time) => (isEmptyTime(time) ? undefined : formatTime(instantOf(time))),
  MicroTime: (time) => (isEmptyTime(time) ? undefined : formatMicroTime(instantOf(time))),
  IntOrString: ({ type, intVal, strVal }) => (type === 1 ? (strVal ?? "") : (intVal ?? 0)),
  Quantity: (quantity) => quantity["string"] ?? "0",
  FieldsV1: ({ Raw }) => embeddedJson(Raw),
  RawExtension: ({ raw }) => embeddedJson(raw),
  ExtraValue: ({ items }) => items ?? [],
};

/** Members that Go embeds: their fields stand in the parent. `[message, field]`; "*" is any message. */
const INLINED: ReadonlySet<string> = new Set([
  "Volume.volumeSource",
  "EphemeralContainer.ephemeralContainerCommon",
  "IngressRule.ingressRuleValue",
  "Probe.handler",
  "ConfigMapKeySelector.localObjectReference",
  "SecretKeySelector.localObjectReference",
  "ConfigMapEnvSource.localObjectReference",
  "SecretEnvSource.localObjectReference",
  "ConfigMapVolumeSource.localObjectReference",
  "ConfigMapProjection.localObjectReference",
  "SecretProjection.localObjectReference",
]);

const RENAMED: Readonly<Record<string, string>> = { "BoundObjectReference.uID": "uid" };

/** Scalars of these must be kept when zero although their names are not pointers anywhere. */
const KEEP_ZEROS: ReadonlySet<string> = new Set(["Time", "MicroTime", "IntOrString", "Quantity"]);

function isEmptyTime({ seconds, nanos }: Record<string, unknown>): boolean {
  return seconds === undefined && nanos === undefined;
}

function instantOf({ seconds, nanos }: Record<string, unknown>): number {
  return Number(seconds ?? 0) * 1000 + Math.floor(Number(nanos ?? 0) / 1e6);
}

function embeddedJson(base64: unknown): unknown {
  if (typeof base64 !== "string" || base64 === "") return undefined;
  try {
    return JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch {
    throw new RangeError("embedded JSON cannot be read");
  }
}

function decodeMessage(bytes: Buffer, message: Message, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new RangeError("nested too deep");
  const object: Record<string, unknown> = {};
  const reader = new Reader(bytes);
  while (!reader.atEnd()) {
    const tag = reader.varint();
    const field = message.fields.get(Math.floor(tag / 8));
    const wire = tag % 8;
    if (field) readField(reader, wire, { object, message, field, depth });
    else reader.skip(wire);
  }
  const form = JSON_FORMS[message.name];
  return form ? form(object) : object;
}

interface Target {
  readonly object: Record<string, unknown>;
  readonly message: Message;
  readonly field: Field;
  readonly depth: number;
}

function readField(reader: Reader, wire: number, target: Target): void {
  const { object, message, field } = target;
  const name = RENAMED[`${message.name}.${field.name}`] ?? field.name;
  if (field.shape === "map") {
    const entry = readMapEntry(reader.bytes(), target);
    if (entry.value === undefined) return;
    object[name] ??= {};
    const map = object[name] as Record<string, unknown>;
    Object.defineProperty(map, entry.key, { value: entry.value, enumerable: true, configurable: true, writable: true });
    return;
  }
  if (field.shape === "list") {
    object[name] ??= [];
    const list = object[name] as unknown[];
    if (wire === 2 && field.type === "i") {
      const packed = new Reader(reader.bytes());
      while (!packed.atEnd()) list.push(packed.signedVarint());
      return;
    }
    const item = readValue(reader, wire, target);
    if (item !== undefined) list.push(item);
    return;
  }
  const value = readValue(reader, wire, target);
  if (value === undefined) return;
  if (INLINED.has(`${message.name}.${field.name}`)) {
    Object.assign(object, value);
    return;
  }
  const isZero = value === "" || value === 0 || value === false;
  if (!isZero || POINTER_FIELDS.has(field.name) || KEEP_ZEROS.has(message.name)) object[name] = value;
}

function readMapEntry(bytes: Buffer, target: Target): { key: string; value: unknown } {
  const reader = new Reader(bytes);
  let key = "";
  let value: unknown = target.field.type === "" || target.field.type === "B" ? "" : undefined;
  while (!reader.atEnd()) {
    const tag = reader.varint();
    const number = Math.floor(tag / 8);
    if (number === 1) key = reader.bytes().toString("utf8");
    else if (number === 2) value = readValue(reader, tag % 8, target);
    else reader.skip(tag % 8);
  }
  return { key, value };
}

function readValue(reader: Reader, wire: number, { field, message, depth }: Target): unknown {
  const expected = field.type === "i" || field.type === "b" ? 0 : field.type === "d" ? 1 : 2;
  if (wire !== expected) throw new RangeError(`field ${message.name}.${field.name} has wire type ${wire}`);
  switch (field.type) {
    case "":
      return reader.bytes().toString("utf8");
    case "i":
      return reader.signedVarint();
    case "b":
      return reader.varint() !== 0;
    case "B":
      return reader.bytes().toString("base64");
    case "d":
      return reader.double();
    default: {
      const nested = findMessage(field.type, message.group);
      const bytes = reader.bytes();
      if (!nested) return undefined;
      // A shared message (PodSpec) drops the group; what lies below it is shared too.
      return decodeMessage(bytes, nested, depth + 1);
    }
  }
}

/** The primitive encodings: varint, 64 bit, length-delimited, 32 bit. Throws RangeError past the end. */
class Reader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  atEnd(): boolean {
    return this.#offset >= this.#buffer.length;
  }

  varint(): number {
    return Number(this.#varint64());
  }

  signedVarint(): number {
    return Number(BigInt.asIntN(64, this.#varint64()));
  }

  bytes(): Buffer {
    const length = this.varint();
    const end = this.#offset + length;
    if (end > this.#buffer.length) throw new RangeError("unexpected end of the body");
    const slice = this.#buffer.subarray(this.#offset, end);
    this.#offset = end;
    return slice;
  }

  double(): number {
    const value = this.#buffer.readDoubleLE(this.#offset);
    this.#offset += 8;
    return value;
  }

  skip(wire: number): void {
    if (wire === 0) this.#varint64();
    else if (wire === 1) this.#offset += 8;
    else if (wire === 2) this.bytes();
    else if (wire === 5) this.#offset += 4;
    else throw new RangeError(`unknown wire type ${wire}`);
    if (this.#offset > this.#buffer.length) throw new RangeError("unexpected end of the body");
  }

  #varint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#buffer[this.#offset++];
      if (byte === undefined) throw new RangeError("unexpected end of the body");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError("a number is too long");
  }
}
