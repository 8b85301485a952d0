import type { KubeObject } from "../../api/meta.ts";
import { fnv1a32 } from "../../base/hash.ts";

/** Kubernetes' alphabet for generated names (K8S-106). */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;
/** K8S-106: prefix and suffix fit into 63 characters. */
const PREFIX_MAX = 58;

/**
 * Names for `count` further pods that look generated but are derived: the same owner with the same pods gives the
 * same names. A create whose answer was lost, or that a crash followed, is thus repeated under its own name and finds
 * the first (AlreadyExists) instead of making one pod too many. Every pod that came or went, and every change of the
 * spec, gives other names, so that a name is not seen twice.
 */
export function newPodNames(
  owner: KubeObject,
  pods: readonly KubeObject[],
  count: number,
  isTaken: (name: string) => boolean,
): readonly string[] {
  const { name, uid, generation } = owner.metadata;
  const known = pods.map((pod) => pod.metadata.uid ?? "").sort();
  // A name may have dots, and where it is cut one must not end it: none may stand before a dash.
  const prefix = `${name.slice(0, PREFIX_MAX - 1).replace(/\.+$/, "")}-`;
  const names: string[] = [];
  for (let attempt = 0; names.length < count; attempt++) {
    const candidate = prefix + suffix(fnv1a32([uid, generation, attempt, ...known].join("/")));
    if (!isTaken(candidate) && !names.includes(candidate)) names.push(candidate);
  }
  return names;
}

function suffix(hash: number): string {
  let rest = hash;
  let text = "";
  for (let index = 0; index < SUFFIX_LENGTH; index++) {
    text += ALPHABET[rest % ALPHABET.length];
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}
