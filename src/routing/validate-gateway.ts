import type { Gateway, ServerSpec } from "../api/istio.ts";
import { isWildcardDnsName } from "./validate-text.ts";

const TLS_PROTOCOLS = new Set(["HTTPS", "TLS"]);
const PLAIN_HTTP_PROTOCOLS = new Set(["HTTP", "HTTP2", "GRPC", "GRPC-WEB"]);

/** MESH-454. */
export function gatewayProblems({ spec }: Gateway): string[] {
  const servers = spec?.servers ?? [];
  if (servers.length === 0) return ["gateway must have at least one server"];
  const problems = servers.flatMap(serverProblems);
  const names = servers.flatMap(({ port }) => (port?.name ? [port.name] : []));
  for (const name of new Set(names.filter((candidate, index) => names.indexOf(candidate) !== index))) {
    problems.push(`port names in servers must be unique: duplicate name ${name}`);
  }
  return problems;
}

function serverProblems({ port, hosts = [], tls }: ServerSpec): string[] {
  const problems: string[] = [];
  if (hosts.length === 0) problems.push("server config must contain at least one host");
  for (const host of hosts) {
    const name = host.slice(host.indexOf("/") + 1);
    if (!isWildcardDnsName(name)) problems.push(`invalid host ${host}`);
  }
  if (!port) return [...problems, "port is required"];
  if (!port.name) problems.push(`port name must be set: ${JSON.stringify(port)}`);
  if (!port.number || port.number < 1 || port.number > 65_535) {
    problems.push(`port number ${port.number ?? 0} must be in the range 1..65535`);
  }
  const protocol = (port.protocol ?? "").toUpperCase();
  if (TLS_PROTOCOLS.has(protocol) && !tls) problems.push("server must have TLS settings for HTTPS/TLS protocols");
  // A plain port may carry one TLS setting: the redirect away from it.
  const { httpsRedirect: _redirect, ...otherTls } = tls ?? {};
  if (PLAIN_HTTP_PROTOCOLS.has(protocol) && Object.keys(otherTls).length > 0) {
    problems.push("server cannot have TLS settings for plain text HTTP ports");
  }
  return problems;
}
