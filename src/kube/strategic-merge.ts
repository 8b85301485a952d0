import { deepCopy, deepEqual, isRecord } from "../base/json.ts";
import { type ApiError, failure } from "./errors.ts";
import { setMember } from "./patch.ts";

/**
 * Strategic merge patch for built-in kinds (K8S-136…140): objects merge, null deletes, lists are replaced unless the
 * table below says that they merge by a key or as sets. Directives (`$patch`, `$retainKeys`, `$setElementOrder/…`,
 * `$deleteFromPrimitiveList/…`) are obeyed and never stored.
 */

type Members = Record<string, unknown>;

type ListStrategy =
  | { readonly merge: "set" }
  /** `tellApart`: a second key that distinguishes elements of one merge key, with its default (surprise 7). */
  | { readonly merge: "key"; readonly key: string; readonly tellApart?: { key: string; default: string } };

const byName: ListStrategy = { merge: "key", key: "name" };
const byType: ListStrategy = { merge: "key", key: "type" };
const byIp: ListStrategy = { merge: "key", key: "ip" };
const asSet: ListStrategy = { merge: "set" };
const protocol = { key: "protocol", default: "TCP" };

/** Ends of field paths (list indexes left out); the leading `/` stands for the root of the object. */
const mergedLists: Readonly<Record<string, ListStrategy>> = {
  "spec/containers": byName,
  "spec/initContainers": byName,
  "spec/ephemeralContainers": byName,
  "spec/imagePullSecrets": byName,
  "spec/volumes": byName,
  "spec/schedulingGates": byName,
  "spec/resourceClaims": byName,
  "spec/hostAliases": byIp,
  "spec/topologySpreadConstraints": { merge: "key", key: "topologyKey" },
  "spec/podCIDRs": asSet,
  "status/podIPs": byIp,
  "status/hostIPs": byIp,
  "status/conditions": byType,
  "status/addresses": byType,
  "metadata/ownerReferences": { merge: "key", key: "uid" },
  "metadata/finalizers": asSet,
  "/secrets": byName,
  "/webhooks": byName,
  "webhooks/matchConditions": byName,
  // Merging by the port number alone loses one of two protocols on it (kubernetes/kubernetes#39188).
  "spec/ports": { merge: "key", key: "port", tellApart: protocol },
  ...containerLists(),
};

function containerLists(): Record<string, ListStrategy> {
  const lists: Record<string, ListStrategy> = {};
  for (const container of ["containers", "initContainers", "ephemeralContainers"]) {
    lists[`${container}/env`] = byName;
    lists[`${container}/ports`] = { merge: "key", key: "containerPort", tellApart: protocol };
    lists[`${container}/volumeMounts`] = { merge: "key", key: "mountPath" };
    lists[`${container}/volumeDevices`] = { merge: "key", key: "devicePath" };
  }
  return lists;
}

/** Lists that the table above would catch but that a kind keeps atomic. */
const atomicLists: Readonly<Record<string, readonly string[]>> = {
  CustomResourceDefinition: ["status/conditions"],
};

/** Objects that a patch replaces whole. */
const replacedObjects: Readonly<Record<string, readonly string[]>> = {
  PodDisruptionBudget: ["spec/selector"],
};

const DELETE_FROM = "$deleteFromPrimitiveList/";
const ORDER = "$setElementOrder/";

/** `kind` decides between fields that share a path; the target's own kind is taken where it is left out. */
export function applyStrategicMergePatch<T extends object>(target: T, patch: unknown, kind?: string): T {
  if (!isRecord(patch)) throw badPatch("error decoding patch: a strategic merge patch must be an object");
  const ownKind = (target as Members)["kind"];
  const context: Context = { kind: kind ?? (typeof ownKind === "string" ? ownKind : ""), path: [] };
  return mergeObject(target as Members, patch, context) as T;
}

interface Context {
  readonly kind: string;
  /** Field names from the root; list indexes are left out. */
  readonly path: readonly string[];
}

function into({ kind, path }: Context, field: string): Context {
  return { kind, path: [...path, field] };
}

/** The last two names of the path: enough to tell the fields of the tables apart. */
function tail({ path }: Context): string {
  return path.length === 1 ? `/${path[0]}` : path.slice(-2).join("/");
}

function strategyOf(context: Context): ListStrategy | null {
  const place = tail(context);
  return atomicLists[context.kind]?.includes(place) ? null : (mergedLists[place] ?? null);
}

function mergeObject(target: Members, patch: Members, context: Context): Members {
  const directive = patch["$patch"];
  if (directive === "replace") return withoutDirectives(patch) as Members;
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge") throw unknownDirective(patch);

  const result: Members = {};
  const retained = retainedKeys(patch);
  for (const [key, value] of Object.entries(target)) {
    if (!retained || retained.includes(key)) setMember(result, key, deepCopy(value));
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) continue;
    if (value === null) delete result[key];
    else setMember(result, key, mergeField(result, patch, key, into(context, key)));
  }
  applyListDirectives(result, patch, context);
  return result;
}

/** `$deleteFromPrimitiveList`, and orders of lists that the patch names without giving elements. */
function applyListDirectives(result: Members, patch: Members, context: Context): void {
  for (const [directive, value] of Object.entries(patch)) {
    if (!Array.isArray(value)) continue;
    if (directive.startsWith(DELETE_FROM)) {
      const key = directive.slice(DELETE_FROM.length);
      const live = result[key];
      if (Array.isArray(live)) result[key] = live.filter((item) => !value.some((gone) => deepEqual(item, gone)));
    } else if (directive.startsWith(ORDER)) {
      const key = directive.slice(ORDER.length);
      const live = result[key];
      if (!Array.isArray(live) || patch[key] !== undefined) continue;
      result[key] = inOrder(live, value, live, strategyOf(into(context, key)) ?? asSet);
    }
  }
}

function retainedKeys(patch: Members): readonly unknown[] | null {
  const retained = patch["$retainKeys"];
  if (retained === undefined) return null;
  if (!Array.isArray(retained)) throw badPatch("invalid patch format of retainKeys");
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && !key.startsWith("$") && !retained.includes(key)) {
      throw badPatch("invalid patch format of retainKeys");
    }
  }
  return retained;
}

function mergeField(live: Members, patch: Members, key: string, context: Context): unknown {
  const [before, after] = [Object.hasOwn(live, key) ? live[key] : undefined, patch[key]];
  if (isRecord(after)) {
    const isReplaced = !isRecord(before) || replacedObjects[context.kind]?.includes(tail(context));
    return mergeObject(isReplaced ? {} : before, after, context);
  }
  if (!Array.isArray(after)) return after;
  const strategy = strategyOf(context);
  if (!strategy) return withoutDirectives(after);
  const order = patch[ORDER + key];
  return mergeList(Array.isArray(before) ? before : [], after, Array.isArray(order) ? order : null, strategy, context);
}

function mergeList(
  live: readonly unknown[],
  patch: readonly unknown[],
  order: readonly unknown[] | null,
  strategy: ListStrategy,
  context: Context,
): unknown[] {
  if (strategy.merge === "set") {
    const all = [...live];
    for (const item of patch) if (!all.some((other) => deepEqual(other, item))) all.push(item);
    return inOrder(all, order ?? patch, live, strategy);
  }
  const { kept, elements } = obeyElementDirectives(live, patch, strategy);
  if (order) checkOrder(elements, order, strategy);
  const merged: unknown[] = [...kept];
  for (const element of elements) {
    const index = positionOf(element, merged, order, strategy);
    const old = merged[index];
    // Elements of a list stand at the path of the list: `containers/env`, whichever container it is.
    const next = mergeObject(isRecord(old) ? old : {}, element, context);
    if (index >= 0) merged[index] = next;
    else merged.push(next);
  }
  return inOrder(merged, order ?? elements, kept, strategy);
}

/** Carries out `$patch` of list elements; what is left are the elements to merge. */
function obeyElementDirectives(
  live: readonly unknown[],
  patch: readonly unknown[],
  strategy: KeyStrategy,
): { readonly kept: readonly unknown[]; readonly elements: readonly Members[] } {
  let kept = live;
  let isReplaced = false;
  const elements: Members[] = [];
  for (const element of patch) {
    if (!isRecord(element)) {
      throw badPatch(
        `${goText(element)} cannot be merged: the elements of this list are objects with a ${strategy.key}`,
      );
    }
    const directive = element["$patch"];
    if (directive === "replace") {
      isReplaced = true;
      continue;
    }
    if (directive !== undefined && directive !== "delete") throw unknownDirective(element);
    if (element[strategy.key] === undefined) throw missingKey(element, strategy.key);
    if (directive === "delete") kept = kept.filter((item) => !isNamedBy(element, item, strategy));
    else elements.push(element);
  }
  return { kept: isReplaced ? [] : kept, elements };
}

type KeyStrategy = Extract<ListStrategy, { merge: "key" }>;

function isNamedBy(element: Members, item: unknown, { key, tellApart }: KeyStrategy): boolean {
  if (!isRecord(item) || !deepEqual(item[key], element[key])) return false;
  if (!tellApart || element[tellApart.key] === undefined) return true;
  return (item[tellApart.key] ?? tellApart.default) === element[tellApart.key];
}

/**
 * Where the element of a patch belongs in the merged list; -1 for a new one. With a second key, an element meets the
 * one of the same protocol; but where there is one element of that port before and, by the given order, after, the
 * patch changes its protocol.
 */
function positionOf(
  element: Members,
  merged: readonly unknown[],
  order: readonly unknown[] | null,
  strategy: KeyStrategy,
): number {
  const { key, tellApart } = strategy;
  const hasKey = (item: unknown) => isRecord(item) && deepEqual(item[key], element[key]);
  const first = merged.findIndex(hasKey);
  if (!tellApart || first < 0) return first;
  const isOnly = merged.filter(hasKey).length === 1;
  if (isOnly && (element[tellApart.key] === undefined || order?.filter(hasKey).length === 1)) return first;
  const wanted = element[tellApart.key] ?? tellApart.default;
  return merged.findIndex((item) => hasKey(item) && ((item as Members)[tellApart.key] ?? tellApart.default) === wanted);
}

/** K8S-139: every element of the patch stands in `$setElementOrder`, in the same relative order. */
function checkOrder(elements: readonly Members[], order: readonly unknown[], { key }: KeyStrategy): void {
  let from = 0;
  for (const element of elements) {
    const found = order.findIndex(
      (item, index) => index >= from && isRecord(item) && deepEqual(item[key], element[key]),
    );
    if (found < 0) {
      throw badPatch(
        `The order in patch list:\n${goText(elements)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
      );
    }
    from = found + 1;
  }
}

/**
 * The order of a merged list: elements that the patch (or `$setElementOrder`) names keep its order, the others the
 * live one. The two are merged by live position; what is new has none and comes first (surprise 8).
 */
function inOrder(
  merged: readonly unknown[],
  wanted: readonly unknown[],
  live: readonly unknown[],
  strategy: ListStrategy,
): unknown[] {
  const isSame = (left: unknown, right: unknown) =>
    strategy.merge === "key" && isRecord(left) && isRecord(right)
      ? deepEqual(left[strategy.key], right[strategy.key])
      : deepEqual(left, right);
  const indexIn = (list: readonly unknown[], item: unknown) => list.findIndex((other) => isSame(other, item));
  const named = merged.filter((item) => indexIn(wanted, item) >= 0);
  named.sort((left, right) => indexIn(wanted, left) - indexIn(wanted, right));
  const others = merged.filter((item) => indexIn(wanted, item) < 0);
  others.sort((left, right) => indexIn(live, left) - indexIn(live, right));

  const result: unknown[] = [];
  while (named.length > 0 && others.length > 0) {
    const isOtherFirst = indexIn(live, others[0]) < indexIn(live, named[0]);
    result.push((isOtherFirst ? others : named).shift());
  }
  return [...result, ...named, ...others];
}

/** A copy of a patch's value as it may be stored: no directives, no nulls, no elements that only carry a directive. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !isRecord(item) || item["$patch"] === undefined).map(withoutDirectives);
  }
  if (!isRecord(value)) return value;
  const result: Members = {};
  for (const [key, member] of Object.entries(value)) {
    if (!key.startsWith("$") && member !== null) setMember(result, key, withoutDirectives(member));
  }
  return result;
}

/** How Go prints a JSON value: `map[image:x name:c]`. The error texts of K8S-139 hold such prints. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isRecord(value)) return value === null || value === undefined ? "<nil>" : String(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goText(value[key])}`);
  return `map[${members.join(" ")}]`;
}

function missingKey(element: Members, key: string): ApiError {
  return badPatch(`map: ${goText(element)} does not contain declared merge key: ${key}`);
}

function unknownDirective(holder: Members): ApiError {
  return badPatch(`unknown patch type: ${goText(holder["$patch"])} in map: ${goText(holder)}`);
}

/** Kubernetes answers some of these with 500; they are the client's mistakes, so all are 400 here (K8S-139). */
function badPatch(message: string): ApiError {
  return failure(400, "BadRequest", message);
}
