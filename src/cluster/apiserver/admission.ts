import type { KubeObject, StatusCause } from "../../api/meta.ts";
import type { AdmissionPlugin, AdmissionReader, AdmissionRequest } from "../../kube/admission.ts";
import { failure } from "../../kube/errors.ts";
import type { WriteContext } from "./context.ts";
import { type ServedKind, toServed } from "./registry.ts";
import { forbidden, notFound } from "./statuses.ts";

type Operation = AdmissionRequest["operation"];

/**
 * Runs the plugins of one kind in order (K8S-168); returns the object, which mutating plugins may have replaced.
 * Mutating plugins get, and may return, their own copy: the caller goes on with what comes back.
 */
export function runPlugins(
  context: WriteContext,
  pluginKind: AdmissionPlugin["kind"],
  operation: Operation,
  subject: { readonly name: string; readonly object: KubeObject | null; readonly oldObject: KubeObject | null },
): KubeObject | null {
  let { object } = subject;
  const { kind, request, dryRun, warnings } = context;
  for (const plugin of context.admission) {
    if (plugin.kind !== pluginKind) continue;
    const { type } = kind.definition;
    const { namespace, subresource, userAgent } = request;
    const result = plugin.admit(
      { operation, type, subresource, namespace, userAgent, dryRun, ...subject, object },
      readerOf(context),
    );
    if (!result.allowed) throw denied(context, subject.name, result);
    if (result.object && pluginKind === "mutating") object = result.object;
    warnings.push(...(result.warnings ?? []));
  }
  return object;
}

function denied(
  { kind }: WriteContext,
  name: string,
  result: { code?: number; reason?: string; message: string; causes?: readonly StatusCause[] },
) {
  const { code = 403, reason = "Forbidden", message, causes = [] } = result;
  const { group, plural } = kind.definition.type;
  return failure(code, reason, message, {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind: reason === "Invalid" ? kind.definition.type.kind : plural,
    ...(causes.length === 0 ? {} : { causes: [...causes] }),
  });
}

function readerOf({ transaction, registry }: WriteContext): AdmissionReader {
  const served = (kind: ServedKind) => (object: KubeObject) => toServed(kind, object);
  return {
    get(type, key) {
      const kind = registry.lookup(type);
      const object = kind && transaction.get(kind.table, key.namespace, key.name);
      return object ? toServed(kind, object) : null;
    },
    list(type, namespace) {
      const kind = registry.lookup(type);
      return kind ? transaction.list(kind.table, namespace ?? null).map(served(kind)) : [];
    },
  };
}

/** K8S-86, K8S-87: objects come into being only in a namespace that exists and is not on its way out. */
export function requireActiveNamespace({ transaction, kind, request }: WriteContext, name: string): void {
  if (!kind.definition.type.namespaced) return;
  const namespace = transaction.get("namespaces", "", request.namespace);
  if (!namespace) throw notFound(namespaceType, request.namespace);
  if (namespace.metadata.deletionTimestamp === undefined) return;
  const detail = `unable to create new content in namespace ${request.namespace} because it is being terminated`;
  throw forbidden(kind.definition.type, name, detail, [
    {
      reason: "NamespaceTerminating",
      message: `namespace ${request.namespace} is being terminated`,
      field: "metadata.namespace",
    },
  ]);
}

const namespaceType = { group: "", version: "v1", kind: "Namespace", plural: "namespaces", namespaced: false };

const permanentNamespaces = new Set(["default", "kube-system", "kube-public"]);

/** K8S-88. */
export function requireDeletable({ kind }: WriteContext, name: string): void {
  if (kind.table === "namespaces" && permanentNamespaces.has(name)) {
    throw forbidden(kind.definition.type, name, "this namespace may not be deleted");
  }
}
