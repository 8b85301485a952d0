import { type Document, isMap, isPair, isScalar, type Node, parseDocument } from "yaml";
import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import type { Edit, Finding } from "./finding.ts";

/** One object of a manifest file, with the way back from a field to its place in the text. */
export interface Manifest {
  readonly file: string;
  readonly object: KubeObject;
  /** `default` where the manifest names none, as kubectl would; "" is never used. */
  readonly namespace: string;
  /** 1-based line of the field (of the nearest parent that exists when it does not). */
  lineOf(path: readonly (string | number)[]): number;
  /** Offsets in the file of the field's value; null when the field is absent or empty. */
  valueRange(path: readonly (string | number)[]): readonly [start: number, end: number] | null;
  /** An edit of a part of the field's text, which keeps its quotes. */
  replaceWithin(path: readonly (string | number)[], part: string, replacement: string): Edit | null;
  /** An edit that removes a map entry with its whole line. */
  removeEntry(path: readonly (string | number)[]): Edit | null;
  /** An edit that adds a line, `key: value`, before a map entry; null where the entry has no line of its own. */
  insertBefore(path: readonly (string | number)[], entry: string): Edit | null;
  /** An edit that gives a map entry this value, whether it has one or not. */
  setScalar(path: readonly (string | number)[], value: string): Edit | null;
}

export interface ParsedFile {
  readonly file: string;
  readonly text: string;
  readonly manifests: readonly Manifest[];
  /** What is wrong with the text itself. */
  readonly findings: readonly Finding[];
}

/** Never throws: what cannot be read becomes a finding. */
export function parseManifests(file: string, text: string): ParsedFile {
  const findings: Finding[] = [];
  const manifests: Manifest[] = [];
  let offset = 0;
  for (const part of splitDocuments(file, text, findings)) {
    const document = parseDocument(part, { uniqueKeys: false });
    const start = offset;
    offset += part.length;
    const [error] = document.errors;
    // What follows the first mistake is mostly its echo.
    if (error) {
      const line = lineAt(text, start + error.pos[0]);
      const message = (error.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:$/, "");
      findings.push({ code: "YAML", level: "error", file, line, object: "", message });
      continue;
    }
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    if (value === null || value === undefined) continue;
    const problem = shapeProblem(value);
    if (problem) {
      const line = lineAt(text, start + (document.contents?.range?.[0] ?? 0));
      findings.push({ level: "error", file, line, object: "", ...problem });
      continue;
    }
    manifests.push(manifest(file, text, document, start, value as KubeObject));
  }
  return { file, text, manifests, findings };
}

/** Why a document is no object of Kubernetes; null when it is one. */
function shapeProblem(value: unknown): Pick<Finding, "code" | "message"> | null {
  const yaml = (message: string) => ({ code: "YAML", message });
  if (!isRecord(value)) return yaml("not a Kubernetes object: expected a map with apiVersion, kind and metadata");
  for (const field of ["apiVersion", "kind"]) {
    if (typeof value[field] !== "string") return yaml(`not a Kubernetes object: ${field} is missing`);
  }
  const metadata = value["metadata"];
  if (!isRecord(metadata) && typeof value["name"] === "string") {
    // SEED-040: what copying a manifest out of a web page can do to it.
    const message = 'indentation seems to be lost: "metadata" is empty and "name" is a top-level key';
    return { code: "KRL-06", message };
  }
  if (isRecord(metadata) && typeof metadata["name"] === "string") return null;
  return yaml(`${value["kind"]}: metadata.name is missing`);
}

/**
 * The texts of the documents, separators included, so that their lengths add up to the whole. Where a separator is
 * missing (two objects run together: KRL-05) the text is cut there as well.
 */
function splitDocuments(file: string, text: string, findings: Finding[]): string[] {
  const parts: string[] = [];
  let start = 0;
  for (const part of text.split(/^(?=---)/m)) {
    let rest = part;
    for (let cut = secondObject(rest); cut !== null; cut = secondObject(rest)) {
      parts.push(rest.slice(0, cut));
      rest = rest.slice(cut);
      start += cut;
      findings.push(missingSeparator(file, start, lineAt(text, start)));
    }
    parts.push(rest);
    start += rest.length;
  }
  return parts;
}

function missingSeparator(file: string, offset: number, line: number): Finding {
  return {
    code: "KRL-05",
    level: "error",
    file,
    line,
    object: "",
    message: `duplicate top-level keys (apiVersion, kind, …): a "---" separator is missing before line ${line}`,
    edit: { start: offset, end: offset, text: "---\n" },
  };
}

/** Offset of a second top-level `apiVersion`, where the next object begins. */
function secondObject(text: string): number | null {
  const keys = [...text.matchAll(/^apiVersion:/gm)];
  return keys[1]?.index ?? null;
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = text.indexOf("\n"); index >= 0 && index < offset; index = text.indexOf("\n", index + 1)) line++;
  return line;
}

function manifest(file: string, text: string, document: Document.Parsed, start: number, object: KubeObject): Manifest {
  const namespace = object.metadata.namespace ?? "default";

  function node(path: readonly (string | number)[]): Node | null {
    const found = document.getIn(path, true);
    return found && typeof found === "object" && "range" in found ? (found as Node) : null;
  }

  function pair(path: readonly (string | number)[]) {
    const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
    if (!isMap(parent)) return null;
    const key = path.at(-1);
    return parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key) ?? null;
  }

  function keyRange(path: readonly (string | number)[]): readonly number[] | null {
    const key = pair(path)?.key;
    return isScalar(key) ? (key.range ?? null) : null;
  }

  function lineOf(path: readonly (string | number)[]): number {
    for (let length = path.length; length > 0; length--) {
      const prefix = path.slice(0, length);
      const range = keyRange(prefix) ?? node(prefix)?.range;
      if (range) return lineAt(text, start + (range[0] ?? 0));
    }
    return lineAt(text, start + (document.contents?.range[0] ?? 0));
  }

  function valueRange(path: readonly (string | number)[]): readonly [number, number] | null {
    const range = node(path)?.range;
    return range && range[1] > range[0] ? [start + range[0], start + range[1]] : null;
  }

  function replaceWithin(path: readonly (string | number)[], part: string, replacement: string): Edit | null {
    const range = valueRange(path);
    const offset = range ? text.indexOf(part, range[0]) : -1;
    if (!range || offset < 0 || offset + part.length > range[1]) return null;
    return { start: offset, end: offset + part.length, text: replacement };
  }

  function removeEntry(path: readonly (string | number)[]): Edit | null {
    const key = keyRange(path);
    if (!key) return null;
    const offset = start + (key[0] ?? 0);
    const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
    const valueEnd = valueRange(path)?.[1] ?? offset;
    const newline = text.indexOf("\n", valueEnd);
    return { start: lineStart, end: newline < 0 ? text.length : newline + 1, text: "" };
  }

  function insertBefore(path: readonly (string | number)[], entry: string): Edit | null {
    const key = keyRange(path);
    if (!key) return null;
    const offset = start + (key[0] ?? 0);
    const indent = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
    return indent.trim() === "" ? { start: offset, end: offset, text: `${entry}\n${indent}` } : null;
  }

  function setScalar(path: readonly (string | number)[], value: string): Edit | null {
    const range = valueRange(path);
    if (range) return { start: range[0], end: range[1], text: value };
    const key = keyRange(path);
    if (!key) return null;
    const colon = text.indexOf(":", start + (key[1] ?? 0));
    const lineEnd = text.indexOf("\n", colon);
    return { start: colon + 1, end: lineEnd < 0 ? text.length : lineEnd, text: ` ${value}` };
  }

  return { file, object, namespace, lineOf, valueRange, replaceWithin, removeEntry, insertBefore, setScalar };
}

/** Objects of one kind, whatever their version. */
export function ofKind(manifests: readonly Manifest[], group: string, kind: string): readonly Manifest[] {
  return manifests.filter(({ object }) => object.kind === kind && groupOf(object) === group);
}

function groupOf(object: KubeObject): string {
  const slash = object.apiVersion.indexOf("/");
  return slash < 0 ? "" : object.apiVersion.slice(0, slash);
}
