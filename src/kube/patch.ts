import type { StatusCause } from "../api/meta.ts";
import { deepCopy, deepEqual, isRecord } from "../base/json.ts";
import type { JsonPatchOperation } from "./client.ts";
import { type ApiError, failure } from "./errors.ts";

/** JSON merge patch (RFC 7386) and JSON patch (RFC 6902). Neither changes its target; results share nothing with it. */

type Members = Record<string, unknown>;

/** K8S-134: null deletes, objects merge, everything else replaces. */
export function applyMergePatch<T extends object>(target: T, patch: unknown): T {
  if (!isRecord(patch)) throw undecodable("a merge patch must be an object");
  return mergeMembers(target as Members, patch) as T;
}

function mergeMembers(target: Members, patch: Members): Members {
  const result: Members = {};
  for (const [key, value] of Object.entries(target)) {
    if (!Object.hasOwn(patch, key)) setMember(result, key, deepCopy(value));
    else if (patch[key] !== null) setMember(result, key, mergeValue(value, patch[key]));
  }
  for (const [key, value] of Object.entries(patch)) {
    if (!Object.hasOwn(target, key) && value !== null) setMember(result, key, mergeValue(undefined, value));
  }
  return result;
}

function mergeValue(target: unknown, patch: unknown): unknown {
  return isRecord(patch) ? mergeMembers(isRecord(target) ? target : {}, patch) : deepCopy(patch);
}

/**
 * The smallest merge patch that turns `from` into `to`; empty when they are equal. A null in an object of `to` cannot
 * be said in a merge patch and counts as absent.
 */
export function diffMergePatch(from: object, to: object): Record<string, unknown> {
  const patch: Members = {};
  const [before, after] = [from as Members, to as Members];
  for (const [key, value] of Object.entries(before)) {
    if (value !== undefined && isAbsent(after, key)) setMember(patch, key, null);
  }
  for (const [key, value] of Object.entries(after)) {
    if (isAbsent(after, key)) continue;
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (deepEqual(old, value)) continue;
    if (!isRecord(old) || !isRecord(value)) {
      setMember(patch, key, deepCopy(value));
      continue;
    }
    const members = diffMergePatch(old, value);
    if (Object.keys(members).length > 0) setMember(patch, key, members);
  }
  return patch;
}

function isAbsent(members: Members, key: string): boolean {
  return !Object.hasOwn(members, key) || members[key] === undefined || members[key] === null;
}

/** K8S-135. The API server of Kubernetes refuses longer patches with 413. */
const JSON_PATCH_OPERATIONS_MAX = 10_000;
/** What the copies of one patch may add, as in Kubernetes: copying a member into itself doubles it each time. */
const COPIED_CHARACTERS_MAX = 3_145_728;

/**
 * RFC 6902, lenient where Kubernetes is (K8S-135): `replace` of a missing member adds it, and `test` of a missing member
 * against null holds. A failed operation is 422 with the fixed text of K8S-92; the cause names the operation.
 */
export function applyJsonPatch<T extends object>(target: T, operations: unknown): T {
  if (!Array.isArray(operations)) throw undecodable("a JSON patch must be a list of operations");
  if (operations.length > JSON_PATCH_OPERATIONS_MAX) {
    throw failure(
      413,
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${operations.length}`,
    );
  }
  let document: unknown = deepCopy(target);
  let copied = 0;
  operations.forEach((operation: unknown, index) => {
    if (!isRecord(operation)) throw undecodable(`operation ${index} is not an object`);
    if (operation["op"] === "copy") copied += copySize(document, operation["from"]);
    if (copied > COPIED_CHARACTERS_MAX) {
      throw rejected(index, operation, `the copies add ${copied} characters; the limit is ${COPIED_CHARACTERS_MAX}`);
    }
    const outcome = applyOperation(document, operation as unknown as JsonPatchOperation);
    if ("problem" in outcome) throw rejected(index, operation, outcome.problem);
    document = outcome.document;
  });
  return document as T;
}

function copySize(document: unknown, from: unknown): number {
  const path = parsePointer(from);
  const source = path && read(document, path);
  return source ? (JSON.stringify(source.value)?.length ?? 0) : 0;
}

type Outcome = { readonly document: unknown } | { readonly problem: string };

function applyOperation(document: unknown, operation: JsonPatchOperation): Outcome {
  const path = parsePointer(operation.path);
  if (!path) return { problem: "path is not a JSON pointer" };
  switch (operation.op) {
    case "add":
    case "replace":
      if (operation.value === undefined) return { problem: "value is missing" };
      return put(document, path, deepCopy(operation.value), operation.op);
    case "remove":
      return remove(document, path);
    case "test":
      return deepEqual(read(document, path)?.value ?? null, operation.value ?? null)
        ? { document }
        : { problem: "the value differs" };
    case "copy":
    case "move":
      return transfer(document, operation, path);
    default:
      return { problem: `unknown operation ${JSON.stringify(operation.op)}` };
  }
}

function transfer(document: unknown, operation: JsonPatchOperation, path: readonly string[]): Outcome {
  const from = parsePointer(operation.from);
  const source = from && read(document, from);
  if (!from || !source) return { problem: "from names nothing" };
  if (operation.op === "copy") return put(document, path, deepCopy(source.value), "add");
  const isInside = path.length > from.length && from.every((part, index) => part === path[index]);
  if (isInside) return { problem: "a value cannot move into itself" };
  const removed = remove(document, from);
  return "problem" in removed ? removed : put(removed.document, path, source.value, "add");
}

/** The parts of a JSON pointer, unescaped; null when it is none. The empty pointer is the whole document. */
function parsePointer(pointer: unknown): readonly string[] | null {
  if (pointer === "") return [];
  if (typeof pointer !== "string" || !pointer.startsWith("/")) return null;
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function read(document: unknown, path: readonly string[]): { readonly value: unknown } | null {
  let value = document;
  for (const part of path) {
    if (Array.isArray(value)) {
      const index = indexOf(part, value.length - 1);
      if (index === null) return null;
      value = value[index];
    } else if (isRecord(value) && Object.hasOwn(value, part)) value = value[part];
    else return null;
  }
  return { value };
}

function put(document: unknown, path: readonly string[], value: unknown, op: "add" | "replace"): Outcome {
  const last = path[path.length - 1];
  if (last === undefined) return { document: value };
  const parent = read(document, path.slice(0, -1))?.value;
  if (Array.isArray(parent)) {
    const index = op === "add" && last === "-" ? parent.length : indexOf(last, parent.length - (op === "add" ? 0 : 1));
    if (index === null) return { problem: "the index is out of range" };
    parent.splice(index, op === "add" ? 0 : 1, value);
  } else if (isRecord(parent)) setMember(parent, last, value);
  else return { problem: "the parent is missing" };
  return { document };
}

function remove(document: unknown, path: readonly string[]): Outcome {
  const last = path[path.length - 1];
  const parent = read(document, path.slice(0, -1))?.value;
  if (last === undefined || !read(document, path)) return { problem: "the path names nothing" };
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Members)[last];
  return { document };
}

function indexOf(part: string, max: number): number | null {
  return /^(0|[1-9]\d*)$/.test(part) && Number(part) <= max ? Number(part) : null;
}

/** Assignment that keeps a member named `__proto__` a plain member, as it came in the JSON. */
export function setMember(members: Members, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(members, key, { value, enumerable: true, configurable: true, writable: true });
  } else members[key] = value;
}

function undecodable(detail: string): ApiError {
  return failure(400, "BadRequest", `error decoding patch: ${detail}`);
}

function rejected(index: number, operation: Members, problem: string): ApiError {
  const cause: StatusCause = {
    field: `[${index}]`,
    message: `operation ${index} (${String(operation["op"])} ${String(operation["path"])}): ${problem}`,
  };
  return failure(422, "Invalid", "the server rejected our request due to an error in our request", { causes: [cause] });
}
