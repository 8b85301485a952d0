import type { KubeObject } from "../../../api/meta.ts";
import { canonicalJson, isRecord } from "../../../base/json.ts";
import { isApiError } from "../../../kube/errors.ts";
import type { WriteContext } from "../context.ts";
import { decodeObject } from "../decode.ts";
import { ANNOTATION_BYTES_MAX, annotationBytes } from "../metadata.ts";
import { applyDefaults } from "../write.ts";
import { compare } from "./compare.ts";
import type { Configuration } from "./configuration.ts";
import { difference, type FieldSet, intersection, isEmpty, setOfPaths, union } from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import { NO_OWNERS, type Owners, withOwner } from "./owners.ts";
import { fieldElement } from "./path-element.ts";
import type { Conflict } from "./transfer.ts";
import { writableFields } from "./transfer.ts";
import { formerOwner } from "./update.ts";
import type { KindVersions } from "./versions.ts";

/** Client-side apply keeps its last configuration in an annotation; here is what that means for server-side apply. */

const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";
/** The one manager that takes client-side apply over (K8S-11): `kubectl apply --server-side` without a manager's name. */
const TAKES_OVER = "kubectl";

const annotationPath = setOfPaths([["metadata", "annotations", ANNOTATION].map(fieldElement)]);

/**
 * Who owned the fields of an object that was never applied to by the server (K8S-146): what client-side apply wrote, its
 * defaults included, is its own, the rest is `before-first-apply`'s. kubectl makes the former its own and re-applies, so
 * what else is in the object must not be there: it would be removed.
 */
export function ownersBeforeFirstApply(context: WriteContext, versions: KindVersions, live: KubeObject): Owners {
  const { place, apiVersion } = versions.current;
  const now = context.clock.now();
  const all = writableFields(versions.current, fieldsOf(place, live));
  const lastApplied = lastAppliedObject(context, live);
  const byClient = lastApplied
    ? intersection(all, union(sameFields(versions, lastApplied, live), annotationPath))
    : null;
  const others = byClient ? difference(all, byClient) : all;
  const owners = withOwner(NO_OWNERS, formerOwner("before-first-apply", apiVersion, others, now));
  return byClient ? withOwner(owners, formerOwner("kubectl-client-side-apply", apiVersion, byClient, now)) : owners;
}

/** Conflicts that remain when kubectl may change what its own client-side apply wrote and nobody changed since. */
export function conflictsBesideLastApplied(
  context: WriteContext,
  subject: { readonly versions: KindVersions; readonly live: KubeObject; readonly manager: string },
  conflicts: readonly Conflict[],
): readonly Conflict[] {
  const { versions, live, manager } = subject;
  if (manager !== TAKES_OVER) return conflicts;
  const lastApplied = lastAppliedConfiguration(context, live);
  if (!lastApplied) return conflicts;
  const own = sameFields(versions, lastApplied, live);
  return conflicts.flatMap(({ owner, fields }) => {
    const rest = difference(fields, own);
    return isEmpty(rest) ? [] : [{ owner, fields: rest }];
  });
}

/** Keeps the annotation in step, so that a later client-side apply goes on from there; left out when it grows too long. */
export function withLastApplied(object: KubeObject, config: Configuration, manager: string): KubeObject {
  const { annotations } = object.metadata;
  if (manager !== TAKES_OVER || !annotations?.[ANNOTATION]) return object;
  const { [ANNOTATION]: _former, ...others } = annotations;
  const next = { ...others, [ANNOTATION]: `${canonicalJson(withoutAnnotation(config))}\n` };
  const fits = annotationBytes(next) <= ANNOTATION_BYTES_MAX;
  return { ...object, metadata: { ...object.metadata, annotations: fits ? next : others } };
}

function withoutAnnotation(config: Configuration): unknown {
  const { annotations } = config.metadata;
  if (!isRecord(annotations)) return config;
  const { [ANNOTATION]: _former, ...others } = annotations;
  return { ...config, metadata: { ...config.metadata, annotations: others } };
}

function sameFields({ current }: KindVersions, lastApplied: object, live: KubeObject): FieldSet {
  const { modified, added, removed } = compare(current.place, lastApplied, live);
  return difference(fieldsOf(current.place, lastApplied), union(modified, union(added, removed)));
}

/** Null when there is none, or when it is of another version. */
function lastAppliedConfiguration({ kind }: WriteContext, live: KubeObject): Record<string, unknown> | null {
  const text = live.metadata.annotations?.[ANNOTATION];
  if (!text) return null;
  try {
    const config: unknown = JSON.parse(text);
    const isSame = isRecord(config) && config["apiVersion"] === live.apiVersion && isRecord(config["metadata"]);
    return isSame && config["kind"] === kind.definition.type.kind ? config : null;
  } catch {
    return null;
  }
}

/** The last configuration as the object that it made, with defaults. */
function lastAppliedObject(context: WriteContext, live: KubeObject): KubeObject | null {
  const config = lastAppliedConfiguration(context, live);
  const { definition } = context.kind;
  if (!config) return null;
  try {
    const options = { fieldValidation: "Ignore", duplicateFields: [] } as const;
    return applyDefaults(definition, decodeObject(definition, config, { ...options, warnings: [] }));
  } catch (error) {
    // Whoever edited the annotation by hand has no claim that we could read.
    if (isApiError(error)) return null;
    throw error;
  }
}
