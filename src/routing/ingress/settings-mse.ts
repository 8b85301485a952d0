import type { PodSelection } from "../clusters.ts";
import { percentShare } from "../fault.ts";
import { serviceHost } from "../hosts.ts";
import { hasLabels } from "../match.ts";
import type { CompiledMirror } from "../mirror.ts";
import type { PathRewrite } from "../rewrite.ts";
import type { HeaderOperations } from "../types.ts";
import type { DestinationTarget } from "../virtual-service.ts";
import type { Annotations } from "./annotations.ts";
import type { Location } from "./location.ts";
import { withoutEndingSlashes } from "./paths.ts";
import type { HeaderEdits, Settings } from "./settings.ts";
import { corsOf, redirectsOf, regexReplacement } from "./settings-nginx.ts";

/** The annotations of MSE and Higress that this data plane follows (MESH-346…348); many are ingress-nginx's own. */
export function mseSettings(location: Location): Settings {
  const { annotations } = location.ingress;
  const timeoutSeconds = annotations.count("timeout") ?? 0;
  return {
    redirects: redirectsOf(location, { isTlsEnough: false }),
    rewritePath: rewriteOf(location),
    authority: annotations.word("upstream-vhost") ?? null,
    cors: corsOf(location),
    timeoutMs: timeoutSeconds > 0 ? timeoutSeconds * 1000 : null,
    mirrors: mirrorsOf(annotations),
  };
}

/** The matched part of the path becomes the target; of an expression that is all of it, with `$1` for its groups. */
function rewriteOf({ ingress: { annotations }, path }: Location): PathRewrite | null {
  const target = annotations.word("rewrite-path") ?? annotations.word("rewrite-target");
  if (!target || path === null) return null;
  if (annotations.isTrue("use-regex") && annotations.word("rewrite-path") === undefined)
    return regexReplacement(path.text, target);
  const prefix = withoutEndingSlashes(path.text);
  const start = target === "/" && prefix !== "" ? "" : withoutEndingSlashes(target);
  return (pathWithQuery) => {
    const rest = pathWithQuery.slice(prefix.length);
    return rest.startsWith("/") || start !== "" ? start + rest : `/${rest}`;
  };
}

const MIRROR_TARGET = /^(?:([a-z0-9-]+)\/)?([a-z0-9-]+)(?::(\d+))?$/;

/** `namespace/name:port` (MESH-348). */
function mirrorsOf(annotations: Annotations): readonly CompiledMirror<DestinationTarget>[] {
  const [, namespace = "default", name, port] =
    MIRROR_TARGET.exec(annotations.text("mirror-target-service") ?? "") ?? [];
  const share = percentShare(annotations.count("mirror-percentage") ?? 100);
  if (name === undefined || share === 0) return [];
  const target = { host: serviceHost(namespace, name), port: port ? Number(port) : null, subset: "", label: "" };
  return [{ target, share }];
}

/** MESH-347. */
export function mseHeaderEdits(annotations: Annotations): HeaderEdits {
  return { request: editsOf(annotations, "request"), response: editsOf(annotations, "response") };
}

function editsOf(annotations: Annotations, direction: "request" | "response"): readonly HeaderOperations[] {
  const lines = (verb: string) => headerLines(annotations.text(`${direction}-header-control-${verb}`));
  const remove = (annotations.text(`${direction}-header-control-remove`) ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const operations = { remove, set: lines("update"), add: lines("add") };
  const isEmpty = remove.length + operations.set.length + operations.add.length === 0;
  return isEmpty ? [] : [operations];
}

/** Of a trimmed line: a header's name, and a value without anything that could end it. Others are left out. */
const HEADER_LINE = /^([\w!#$%&'*+.^`|~-]+)(?:[ \t]+([\x21-\x7e][\x20-\x7e]*))?$/;

/** `name value`, one a line. */
function headerLines(text = ""): (readonly [string, string])[] {
  return text.split("\n").flatMap((line) => {
    const [, name, value = ""] = HEADER_LINE.exec(line.trim()) ?? [];
    return name === undefined ? [] : [[name.toLowerCase(), value] as const];
  });
}

/** Lines of header edits that are none. */
export function headerLineProblems(annotations: Annotations): readonly string[] {
  const keys = annotations.keys.filter((key) => /-header-control-(add|update)$/.test(key));
  return keys.flatMap((key) =>
    (annotations.text(key) ?? "")
      .split("\n")
      .filter((line) => line.trim() !== "" && !HEADER_LINE.test(line.trim()))
      .map((line) => `annotation ${key}: ${JSON.stringify(line)} is not "name value"`),
  );
}

const SUBSET_LABEL = "opensergo.io/canary";

/** The pods of a service that `service-subset` asks for (MESH-346); null: all. */
export function podSelectionOf(annotations: Annotations): PodSelection | null {
  const subset = annotations.text("service-subset")?.trim();
  if (subset === undefined) return null;
  const labels = Object.fromEntries(headerLines(annotations.text("subset-labels")));
  if (Object.keys(labels).length > 0) {
    const name = Object.entries(labels).flat().join("-");
    return { name, takes: (podLabels) => hasLabels(podLabels, labels) };
  }
  if (subset === "" || subset === "base") return { name: "base", takes: isBase };
  return { name: subset, takes: (podLabels) => podLabels[`${SUBSET_LABEL}-${subset}`] === subset };
}

function isBase(labels: Readonly<Record<string, string>>): boolean {
  return labels[SUBSET_LABEL] === "" || !Object.keys(labels).some((key) => key.startsWith(SUBSET_LABEL));
}
