import { failure } from "../../../kube/errors.ts";
import { ANONYMOUS, type User } from "./authentication.ts";
import type { ResourceRoute } from "./url.ts";

/** Paths that need no credentials (K8S-65). */
const PUBLIC_PATHS = /^\/(healthz|livez|readyz|version)(\/|$)/;

/** Mode AlwaysAllow (K8S-183): whoever is known may do everything; strangers may ask for health and version. */
export function authorizePath(user: User, path: string, verb: string): void {
  if (user !== ANONYMOUS || PUBLIC_PATHS.test(path)) return;
  throw failure(403, "Forbidden", `forbidden: User "${user.name}" cannot ${verb} path "${path}"`);
}

export function authorizeResource(user: User, verb: string, route: ResourceRoute): void {
  if (user !== ANONYMOUS) return;
  const { group, plural, name, namespace, subresource } = route;
  const resource = group === "" ? plural : `${plural}.${group}`;
  const subject = name === "" ? resource : `${resource} "${name}"`;
  const target = subresource === "" ? plural : `${plural}/${subresource}`;
  const scope = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  const message = `${subject} is forbidden: User "${user.name}" cannot ${verb} resource "${target}" in API group "${group}" ${scope}`;
  throw failure(403, "Forbidden", message, { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: plural });
}
