import type { ApiGateway } from "../../api/gateway-api.ts";
import type { Condition } from "../../api/meta.ts";
import { formatKey, keyOf } from "../../kube/resource.ts";
import { judgeParents } from "../../routing/gateway-api/attach.ts";
import { type GatewayRefusal, gatewayRefusal, listenerProblems } from "../../routing/gateway-api/gateways.ts";
import { judgeListeners, type ListenerVerdict } from "../../routing/gateway-api/listeners.ts";
import { conditionsOf, type Verdict } from "./conditions.ts";
import type { GatewayView } from "./gather.ts";

/** `status` of a Gateway of ours (MESH-368). */
interface GatewayStatus {
  readonly addresses?: readonly { type?: string; value: string }[];
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly ListenerStatus[];
}

interface ListenerStatus {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly supportedKinds?: readonly unknown[];
  readonly conditions: readonly Condition[];
}

export function gatewayStatus(view: GatewayView): GatewayStatus {
  const { gateway, address, now } = view;
  const before = (gateway["status"] ?? {}) as GatewayStatus;
  const { generation } = gateway.metadata;
  const listeners = judgeListeners(gateway);
  const refusal = gatewayRefusal(gateway, address);
  const progress = progressOf(view, before);
  const served = listeners.filter(({ problem }) => problem === null);
  const isServed = refusal === null && served.length > 0;
  return {
    addresses: isServed && progress === "programmed" ? [{ type: "IPAddress", value: address }] : [],
    conditions: conditionsOf(
      [accepted(listeners, refusal), programmed(refusal, { progress, message: programmedMessage(gateway, view) })],
      { before: before.conditions ?? [], generation, now },
    ),
    listeners: listeners.map((listener) => ({
      name: listener.name,
      attachedRoutes: countRoutes(listener, view),
      supportedKinds: listener.supportedKinds,
      conditions: conditionsOf(listenerVerdicts(listener, refusal === null ? progress : "refused"), {
        before: before.listeners?.find(({ name }) => name === listener.name)?.conditions ?? [],
        generation,
        now,
      }),
    })),
  };
}

type Progress = "programmed" | "pending" | "refused";

/**
 * Written is not live: a generation counts once the data plane has told that it runs it, and from then on. Our own
 * status writes raise the revision, too; they must not take that back.
 */
function progressOf({ gateway, isLive }: GatewayView, { conditions = [] }: GatewayStatus): Progress {
  const known = conditions.find(({ type }) => type === "Programmed");
  const isTold = known?.status === "True" && known.observedGeneration === gateway.metadata.generation;
  return isTold || isLive !== false ? "programmed" : "pending";
}

function accepted(listeners: readonly ListenerVerdict[], refusal: GatewayRefusal | null): Verdict {
  const type = "Accepted";
  if (refusal?.type === type) return { ...refusal, status: "False" };
  const message = listenerProblems(listeners);
  if (message !== "") return { type, status: "True", reason: "ListenersNotValid", message };
  return { type, status: "True", reason: "Accepted", message: "the gateway proxy serves this Gateway" };
}

type Place = Pick<GatewayView, "address" | "hostPorts">;

/** The message of a Gateway that is programmed: on a machine its ports are others than it says. "": nothing is served. */
export function programmedMessage(gateway: ApiGateway, { address, hostPorts }: Place): string {
  const served = judgeListeners(gateway).filter(({ problem }) => problem === null);
  const ports = [...new Set(served.map(({ port }) => port))].sort((left, right) => left - right);
  if (ports.length === 0) return "";
  const places = ports.map((port) =>
    hostPorts?.[port] ? `port ${port} at ${address}:${hostPorts[port]}` : `port ${port}`,
  );
  const proxy = hostPorts === null ? `the gateway proxy at ${address}` : "the gateway proxy";
  return `${proxy} listens for ${places.join(", ")}`;
}

function programmed(
  refusal: GatewayRefusal | null,
  { progress, message }: { progress: Progress; message: string },
): Verdict {
  const type = "Programmed";
  if (refusal?.type === type) return { ...refusal, status: "False" };
  if (refusal !== null || message === "")
    return { type, status: "False", reason: "Invalid", message: "no listener is served" };
  if (progress === "pending") {
    return { type, status: "False", reason: "Pending", message: "the data plane has not taken this over yet" };
  }
  return { type, status: "True", reason: "Programmed", message };
}

function listenerVerdicts({ problem, invalidKinds }: ListenerVerdict, progress: Progress): readonly Verdict[] {
  const isConflict = problem !== null && problem.reason !== "UnsupportedProtocol";
  return [
    problem === null
      ? { type: "Accepted", status: "True", reason: "Accepted", message: "the listener is valid" }
      : { type: "Accepted", status: "False", reason: problem.reason, message: problem.message },
    isConflict
      ? { type: "Conflicted", status: "True", reason: problem.reason, message: problem.message }
      : { type: "Conflicted", status: "False", reason: "NoConflicts", message: "no other listener is in its way" },
    invalidKinds.length === 0
      ? { type: "ResolvedRefs", status: "True", reason: "ResolvedRefs", message: "all references are resolved" }
      : {
          type: "ResolvedRefs",
          status: "False",
          reason: "InvalidRouteKinds",
          message: `allowedRoutes.kinds: ${invalidKinds.join(", ")} is not supported, only HTTPRoute is`,
        },
    listenerProgrammed(problem === null ? progress : "refused"),
  ];
}

function listenerProgrammed(progress: Progress): Verdict {
  const type = "Programmed";
  switch (progress) {
    case "programmed":
      return { type, status: "True", reason: "Programmed", message: "the data plane answers for this listener" };
    case "pending":
      return { type, status: "False", reason: "Pending", message: "the data plane has not taken this over yet" };
    case "refused":
      return { type, status: "False", reason: "Invalid", message: "the listener is not served" };
  }
}

/** Routes that a parentRef attaches, whatever becomes of their backends. */
function countRoutes(listener: ListenerVerdict, { gateway, routes, objects }: GatewayView): number {
  const key = formatKey(keyOf(gateway));
  return routes.filter((route) =>
    judgeParents(route, objects).some(
      (parent) =>
        parent.gateway !== null &&
        formatKey(keyOf(parent.gateway)) === key &&
        parent.attachments.some((attachment) => attachment.listener.name === listener.name),
    ),
  ).length;
}
