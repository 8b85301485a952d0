import type { TSchema } from "typebox";
import { parseAllDocuments, parseDocument } from "yaml";
import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import { GROUP } from "../../dialects/argo/keys.ts";
import {
  analysisRunSpec,
  analysisRunStatus,
  analysisTemplateSpec,
  experimentSpec,
  experimentStatus,
  rolloutSpec,
  rolloutStatus,
} from "../../dialects/argo/schema.ts";
import { CommandError } from "../plugin/command.ts";
import { readText } from "../plugin/files.ts";

/** The members of our kinds. `status` too: people apply what `kubectl get -o yaml` printed. */
const kinds: Readonly<Record<string, Readonly<Record<string, TSchema>>>> = {
  Rollout: { spec: rolloutSpec, status: rolloutStatus },
  AnalysisTemplate: { spec: analysisTemplateSpec },
  ClusterAnalysisTemplate: { spec: analysisTemplateSpec },
  AnalysisRun: { spec: analysisRunSpec, status: analysisRunStatus },
  Experiment: { spec: experimentSpec, status: experimentStatus },
};

/** A file's one object, as written; a member that its kind does not have is an error (CL-070). */
export function readManifest(file: string): KubeObject {
  const document = parseDocument(readFile(file));
  if (document.errors.some(({ code }) => code === "MULTIPLE_DOCS"))
    throw new CommandError(
      `${file}: several documents; this command takes one object a file (kubectl create takes more)`,
    );
  refuseMistakes(document.errors, file);
  return toObject(document.toJS(), file);
}

/** All objects of a file of several documents, empty ones left out. */
export function readManifests(file: string): KubeObject[] {
  return parseAllDocuments(readFile(file)).flatMap((document) => {
    refuseMistakes(document.errors, file);
    const value: unknown = document.toJS();
    return value === null ? [] : [toObject(value, file)];
  });
}

function readFile(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new CommandError(`open ${file}: no such file or directory`);
  }
}

function refuseMistakes(errors: readonly Error[], file: string): void {
  const [first] = errors;
  if (first) throw new CommandError(`error converting YAML to JSON: ${file}: ${first.message}`);
}

function toObject(value: unknown, file: string): KubeObject {
  if (!isRecord(value) || typeof value["apiVersion"] !== "string" || typeof value["kind"] !== "string") {
    throw new CommandError(`${file}: apiVersion and kind must be set`);
  }
  const object = { ...value, metadata: isRecord(value["metadata"]) ? value["metadata"] : {} } as unknown as KubeObject;
  const members = groupOf(object) === GROUP ? kinds[object.kind] : undefined;
  if (members) {
    const known = { type: "object", properties: { apiVersion: {}, kind: {}, metadata: {}, ...members } };
    const unknown = unknownField(known, object);
    if (unknown) {
      throw new CommandError(`error unmarshaling JSON: while decoding JSON: json: unknown field "${unknown}"`);
    }
  }
  return object;
}

export function groupOf({ apiVersion }: KubeObject): string {
  return apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
}

/** The name of the first member, in the order of writing, that the schema does not have. */
function unknownField(schema: unknown, value: unknown): string | null {
  if (!isRecord(schema)) return null;
  if (Array.isArray(value)) return firstOf(value, (item) => unknownField(schema["items"], item));
  if (!isRecord(value)) return null;
  const { properties, additionalProperties, patternProperties } = schema;
  if (!isRecord(properties)) {
    const inner =
      additionalProperties ?? (isRecord(patternProperties) ? Object.values(patternProperties)[0] : undefined);
    return firstOf(Object.values(value), (item) => unknownField(inner, item));
  }
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true;
  return firstOf(Object.entries(value), ([key, member]) => {
    if (key in properties) return unknownField(properties[key], member);
    return isOpen ? null : key;
  });
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}
