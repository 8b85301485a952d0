import { isRecord } from "../../../base/json.ts";
import { type GoField, goTypes } from "./go-types.ts";
import { canonicalQuantity } from "./quantity.ts";

/** The compact JSON that Go's encoder makes of a value of one of the structs in go-types.ts. */
export function goJson(type: string, value: unknown): string {
  return escapeForHtml(encode(type, "one", value));
}

function encode(type: string | undefined, shape: GoField["shape"], value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (shape === "list" && Array.isArray(value)) return `[${value.map((item) => encode(type, "one", item)).join(",")}]`;
  if (shape === "map" && isRecord(value)) {
    return encodeMembers(
      Object.keys(value)
        .sort()
        .map((key) => [key, encode(type, "one", value[key])]),
    );
  }
  if (type === "Quantity") return JSON.stringify(canonicalQuantity(String(value)));
  const fields = type === undefined ? undefined : goTypes.get(type);
  return fields && isRecord(value) ? encodeStruct(fields, value) : encodePlain(value);
}

function encodeStruct(fields: readonly GoField[], value: Record<string, unknown>): string {
  const members: [string, string][] = [];
  for (const field of fields) {
    const member = value[field.name];
    if (isLeftOut(field, member)) continue;
    members.push([field.name, encode(field.type, field.shape, member ?? emptyValue(field))]);
  }
  return encodeMembers(members);
}

function isLeftOut({ isRequired, isPointer, type, shape }: GoField, member: unknown): boolean {
  if (isRequired) return false;
  if (member === undefined || member === null) return true;
  if (isPointer) return false;
  if (Array.isArray(member)) return member.length === 0;
  // A struct behind a pointer is there even when it says nothing: `emptyDir: {}`.
  if (isRecord(member)) return (type === undefined || shape === "map") && Object.keys(member).length === 0;
  return member === "" || member === 0 || member === false;
}

function emptyValue({ name, type, shape }: GoField): unknown {
  if (name === "creationTimestamp" || shape === "list") return null;
  if (type === "Quantity") return "0";
  if (type !== undefined) return {};
  return "";
}

/** Maps come sorted by key. */
function encodePlain(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(encodePlain).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  return encodeMembers(
    Object.keys(value)
      .sort()
      .map((key) => [key, encodePlain(value[key])]),
  );
}

function encodeMembers(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}

function escapeForHtml(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
