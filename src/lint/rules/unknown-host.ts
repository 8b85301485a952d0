import { at, type Rule } from "../rule.ts";
import { deployments, envVariables, nameOf, services, title } from "../workloads.ts";

/** KRL-03 (SEED-012): an URL in the environment names a host that is no Service, while one of that name exists. */
export const unknownHost: Rule = (manifests) => {
  const known = services(manifests).map((service) => ({ name: nameOf(service), namespace: service.namespace }));
  const findings = [];
  for (const deployment of deployments(manifests)) {
    for (const { name, value, path } of envVariables(deployment)) {
      const host = hostOf(value);
      if (host === null) continue;
      const [service = "", namespace = deployment.namespace] = host
        .replace(/\.svc(\.cluster\.local)?\.?$/, "")
        .split(".");
      const sameName = known.filter((candidate) => candidate.name === service);
      if (sameName.length === 0 || sameName.some((candidate) => candidate.namespace === namespace)) continue;
      const right = sameName[0]!;
      const rightHost = right.namespace === deployment.namespace ? service : `${service}.${right.namespace}`;
      findings.push(
        at(deployment, path, {
          code: "KRL-03",
          level: "error",
          message: `${title(deployment)}, env ${name}: host ${host} has no Service; Service ${service} exists in namespace ${right.namespace}`,
          edit: deployment.replaceWithin(path, host, rightHost),
        }),
      );
    }
  }
  return findings;
};

/** The host of an http URL; null when the text is none, or an address outside of the cluster. */
export function hostOf(value: string): string | null {
  const host = /^https?:\/\/([^/:?#]+)/.exec(value)?.[1];
  return host && !/^[\d.]+$/.test(host) && host !== "localhost" ? host : null;
}
