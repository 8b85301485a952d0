import { isRecord } from "../../base/json.ts";
import { failure } from "../../kube/errors.ts";
import type { ApiRequest } from "./request.ts";
import { badRequest, invalidOptions } from "./statuses.ts";

/** The query parameters of K8S-104 as values. What a parameter may not be is answered with the texts of K8S-94, K8S-95. */

export type FieldValidation = "Strict" | "Warn" | "Ignore";

const optionsKinds: Partial<Record<ApiRequest["verb"], string>> = {
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
};

/** K8S-119. */
const FIELD_MANAGER_CHARACTERS_MAX = 128;

/** Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the plain space. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

function parseDryRun(values: readonly string[], optionsKind: string): boolean {
  const meant = values.filter((value) => value !== "");
  if (meant.length === 0) return false;
  if (meant.every((value) => value === "All")) return true;
  const message = `Unsupported value: ${JSON.stringify(meant)}: supported values: "All"`;
  throw invalidOptions(optionsKind, "dryRun", message);
}

export function parseWriteOptions(request: ApiRequest): { dryRun: boolean; fieldValidation: FieldValidation } {
  const { query, verb } = request;
  const kind = optionsKinds[verb] ?? "UpdateOptions";
  const dryRun = parseDryRun(query.getAll("dryRun"), kind);
  const fieldManager = query.get("fieldManager") ?? "";
  if (fieldManager.length > FIELD_MANAGER_CHARACTERS_MAX) {
    const message = `Too long: may not be more than ${FIELD_MANAGER_CHARACTERS_MAX} bytes`;
    throw invalidOptions(kind, "fieldManager", message);
  }
  const unprintable = UNPRINTABLE.exec(fieldManager);
  if (unprintable) {
    const [character] = unprintable;
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    const position = Buffer.byteLength(fieldManager.slice(0, unprintable.index));
    const detail = `invalid character U+${code} (at position ${position})`;
    throw invalidOptions(kind, "fieldManager", `Invalid value: ${JSON.stringify(fieldManager)}: ${detail}`);
  }
  if (verb === "patch" && request.patchType === "apply" && fieldManager === "") {
    throw invalidOptions(kind, "fieldManager", "Required value: is required for apply patch");
  }
  if (verb === "patch" && request.patchType !== "apply" && query.has("force")) {
    throw invalidOptions(kind, "force", "Forbidden: may not be specified for non-apply patch");
  }
  const validation = query.get("fieldValidation") ?? "";
  switch (validation) {
    case "":
      return { dryRun, fieldValidation: "Warn" };
    case "Strict":
    case "Warn":
    case "Ignore":
      return { dryRun, fieldValidation: validation };
    default: {
      const message = `Unsupported value: ${JSON.stringify(validation)}: supported values: "Ignore", "Strict", "Warn"`;
      throw invalidOptions(kind, "fieldValidation", message);
    }
  }
}

/** Of an apply request that `parseWriteOptions` has accepted. */
export function parseApplyOptions({ query }: ApiRequest): { readonly manager: string; readonly force: boolean } {
  return { manager: query.get("fieldManager") ?? "", force: isTrue(query, "force") };
}

/** Who writes, for managedFields: the named manager, else the program (K8S-119). */
export function managerOf({ query, userAgent }: ApiRequest): string {
  const named = query.get("fieldManager");
  if (named) return named;
  const program = userAgent.split("/", 1)[0]!.replace(new RegExp(UNPRINTABLE, "gu"), "");
  return program.slice(0, FIELD_MANAGER_CHARACTERS_MAX) || "unknown";
}

export interface ParsedDeleteOptions {
  readonly dryRun: boolean;
  readonly gracePeriodSeconds: number | null;
  /** Null: the finalizers of the object decide, then Background. */
  readonly propagation: "Background" | "Foreground" | "Orphan" | null;
  readonly uid: string | null;
  readonly resourceVersion: string | null;
}

export const defaultDeleteOptions: ParsedDeleteOptions = {
  dryRun: false,
  gracePeriodSeconds: null,
  propagation: null,
  uid: null,
  resourceVersion: null,
};

/** From the body, else from the query (K8S-104). */
export function parseDeleteOptions(body: unknown, query: URLSearchParams): ParsedDeleteOptions {
  const options = isRecord(body) ? body : {};
  const dryRun = parseDryRun(
    Array.isArray(options["dryRun"]) ? options["dryRun"].map(String) : query.getAll("dryRun"),
    "DeleteOptions",
  );
  const preconditions = isRecord(options["preconditions"]) ? options["preconditions"] : {};
  return {
    dryRun,
    gracePeriodSeconds: parseGrace(options["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds")),
    propagation: parsePropagation(
      options["propagationPolicy"] ?? query.get("propagationPolicy"),
      options["orphanDependents"] ?? query.get("orphanDependents"),
    ),
    uid: textOrNull(preconditions["uid"]),
    resourceVersion: textOrNull(preconditions["resourceVersion"]),
  };
}

function parseGrace(value: unknown): number | null {
  if (value === null || value === undefined || value === "") return null;
  const seconds = Number(value);
  if (!Number.isInteger(seconds)) throw badRequest(`gracePeriodSeconds: invalid value ${JSON.stringify(value)}`);
  // A negative grace means "the shortest that is graceful", as it does for pods.
  return seconds < 0 ? 1 : seconds;
}

function parsePropagation(policy: unknown, orphan: unknown): ParsedDeleteOptions["propagation"] {
  const hasOrphan = orphan !== null && orphan !== undefined;
  if (policy === null || policy === undefined || policy === "") {
    if (!hasOrphan) return null;
    return orphan === true || orphan === "true" ? "Orphan" : "Background";
  }
  if (hasOrphan) {
    const message = `Invalid value: ${JSON.stringify(policy)}: orphanDependents and deletionPropagation cannot be both set`;
    throw invalidOptions("DeleteOptions", "propagationPolicy", message);
  }
  if (policy === "Background" || policy === "Foreground" || policy === "Orphan") return policy;
  const supported = '"Foreground", "Background", "Orphan", "nil"';
  throw invalidOptions(
    "DeleteOptions",
    "propagationPolicy",
    `Unsupported value: ${JSON.stringify(policy)}: supported values: ${supported}`,
  );
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** Null when absent. A revision that is not a number is a bad request (the original answers 500, section 22). */
export function parseRevision(query: URLSearchParams): number | null {
  const text = query.get("resourceVersion") ?? "";
  if (text === "") return null;
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw failure(400, "BadRequest", `invalid resource version ${JSON.stringify(text)}: must be a decimal number`);
}

export function parseCount(query: URLSearchParams, parameter: string): number | null {
  const text = query.get(parameter) ?? "";
  if (text === "") return null;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw badRequest(`${parameter}: invalid value ${JSON.stringify(text)}: must be a number`);
}

export function isTrue(query: URLSearchParams, parameter: string): boolean {
  const text = query.get(parameter);
  return text !== null && text !== "false" && text !== "0";
}
