import { failure } from "../../../kube/errors.ts";

/** What a read or write is answered as (K8S-43, K8S-44). */
export interface Representation {
  readonly form: "object" | "table" | "metadata";
  readonly encoding: "json" | "yaml";
}

/** One clause of an Accept header. */
export interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

export const JSON_TYPE = "application/json";
export const YAML_TYPE = "application/yaml";
export const PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf";

/** The clauses by falling quality, in the order written; `q=0` refuses and is left out. Absent means anything. */
function parseAccept(header: string | undefined): readonly MediaRange[] {
  const text = header?.trim() || "*/*";
  const ranges = text.split(",").map((clause) => {
    const [type = "", ...rest] = clause.split(";");
    const parameters = new Map<string, string>();
    for (const part of rest) {
      const [name = "", value = ""] = part.split("=");
      parameters.set(name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, ""));
    }
    const quality = parameters.has("q") ? Number(parameters.get("q")) : 1;
    return { type: type.trim().toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
  });
  return ranges.filter(({ quality }) => quality > 0).sort((left, right) => right.quality - left.quality);
}

const PLAIN: Representation = { form: "object", encoding: "json" };

/** Most requests send one of a few headers: each is read once. */
const known = new Map<string, Representation>();
const KNOWN_MAX = 256;

/** The first clause that we can serve; 406 when there is none. */
export function negotiate(header: string | undefined): Representation {
  if (header === undefined || header === JSON_TYPE) return PLAIN;
  const remembered = known.get(header);
  if (remembered) return remembered;
  for (const range of parseAccept(header)) {
    const representation = representationOf(range);
    if (!representation) continue;
    if (known.size < KNOWN_MAX) known.set(header, representation);
    return representation;
  }
  const available = "Available representations: application/json, application/yaml";
  throw failure(406, "NotAcceptable", `406: Not Acceptable\n\n${available}`);
}

function representationOf({ type, parameters }: MediaRange): Representation | null {
  if (type === "*/*" || type === "application/*") return PLAIN;
  if (type !== JSON_TYPE && type !== YAML_TYPE) return null;
  const encoding = type === JSON_TYPE ? "json" : "yaml";
  const form = formOf(parameters);
  return form && { form, encoding };
}

function formOf(parameters: ReadonlyMap<string, string>): Representation["form"] | null {
  const as = parameters.get("as");
  if (as === undefined) return "object";
  if (parameters.get("g") !== "meta.k8s.io" || parameters.get("v") !== "v1") return null;
  if (as === "Table") return "table";
  return as === "PartialObjectMetadata" || as === "PartialObjectMetadataList" ? "metadata" : null;
}

/** Whether the client asks for aggregated discovery before the plain form (K8S-57). */
export function wantsAggregatedDiscovery(header: string | undefined): boolean {
  for (const { type, parameters } of parseAccept(header)) {
    if (type !== JSON_TYPE) continue;
    if (!parameters.has("as")) return false;
    const isAggregated = parameters.get("as") === "APIGroupDiscoveryList" && parameters.get("v") === "v2";
    if (isAggregated && parameters.get("g") === "apidiscovery.k8s.io") return true;
  }
  return false;
}
