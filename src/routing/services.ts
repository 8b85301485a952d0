import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import { serviceHost } from "./hosts.ts";
import { compileVisibility, type Visibility } from "./visibility.ts";

/** A Service as routing sees it. */
export interface RoutedService {
  readonly object: KubeObject;
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  /** "" for headless services. */
  readonly clusterIP: string;
  readonly ports: readonly RoutedPort[];
  readonly selector: Readonly<Record<string, string>>;
  readonly publishNotReadyAddresses: boolean;
  readonly visibility: Visibility;
}

export interface RoutedPort {
  readonly name: string;
  readonly number: number;
}

export function readService(object: KubeObject): RoutedService {
  const { namespace = "", name, annotations = {} } = object.metadata;
  const spec = isRecord(object["spec"]) ? object["spec"] : {};
  const ports = Array.isArray(spec["ports"]) ? spec["ports"].filter(isRecord) : [];
  const clusterIP = typeof spec["clusterIP"] === "string" && spec["clusterIP"] !== "None" ? spec["clusterIP"] : "";
  const exportTo = annotations["networking.istio.io/exportTo"];
  return {
    object,
    host: serviceHost(namespace, name),
    namespace,
    name,
    clusterIP,
    ports: ports.map((port) => ({ name: String(port["name"] ?? ""), number: Number(port["port"]) })),
    selector: isRecord(spec["selector"]) ? (spec["selector"] as Record<string, string>) : {},
    publishNotReadyAddresses: spec["publishNotReadyAddresses"] === true,
    visibility: compileVisibility(exportTo ? exportTo.split(",").map((entry) => entry.trim()) : [], namespace),
  };
}
