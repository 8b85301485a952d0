import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { addSeconds, formatTime, type Instant, parseTime } from "../../../base/time.ts";
import { resources } from "../../../kube/resource.ts";
import type { PlannedEvent, Write } from "../../../runtime/plan.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import { availableOf, presentOf, readyOf, scaleDownDeadline, wantedOf } from "../replica-sets/replica-sets.ts";
import { isHeld } from "../traffic/experiment-shares.ts";
import type { ExperimentTemplate, ExperimentTemplateStatus, RolloutStatus } from "../types.ts";
import type { ExperimentView } from "./gather.ts";
import { ownerOf, renderReplicaSet, renderService, serviceName } from "./objects.ts";
import { finishAt, isEnding, isTemplateCompleted, type TemplatePhase, templateStatusOf } from "./phases.ts";
import { PROGRESS_DEADLINE_SECONDS } from "./validate.ts";

const SCALE_DOWN_DELAY_SECONDS = 30; // section 8.1

export interface TemplateStep {
  readonly status: ExperimentTemplateStatus;
  readonly writes: readonly Write[];
  readonly events: readonly PlannedEvent[];
  /** When something falls due by itself. */
  readonly wakeAt: readonly Instant[];
}

/** One template: its ReplicaSet and Service, and what its status says (XP-001 to XP-003, XP-008). */
export function reconcileTemplate(view: ExperimentView, template: ExperimentTemplate): TemplateStep {
  const { experiment, replicaSets } = view;
  const before = templateStatusOf(experiment.status ?? {}, template.name);
  const replicaSet = replicaSets.get(template.name) ?? null;
  const isOver = isEnding(experiment, experiment.status ?? {}) || isTemplateCompleted(before?.status);
  const desired = isOver ? 0 : (template.replicas ?? 1);
  const changes = replicaSet
    ? adjust(view, template, { replicaSet, desired })
    : { ...nothing, writes: isOver ? [] : creation(view, template, before) };
  const counted = count(view, template, { before, replicaSet, hasScaled: changes.hasScaled });
  const status = assess(view, template, withService(counted, changes.service), desired);
  const events = [...changes.events, ...transition(view, before, status)];
  return { status, writes: changes.writes, events, wakeAt: [...changes.wakeAt, ...deadlineOf(view, status)] };
}

function deadlineOf(
  view: ExperimentView,
  { status, lastTransitionTime }: ExperimentTemplateStatus,
): readonly Instant[] {
  const from = parseTime(lastTransitionTime) ?? view.now;
  return status === "Progressing" ? [addSeconds(from, deadlineSeconds(view) + 1)] : [];
}

function withService(status: ExperimentTemplateStatus, service: Changes["service"]): ExperimentTemplateStatus {
  if (service !== "gone") return { ...status, ...service };
  const { serviceName: _name, podTemplateHash: _hash, ...rest } = status;
  return rest;
}

interface Changes {
  readonly writes: readonly Write[];
  readonly events: readonly PlannedEvent[];
  readonly wakeAt: readonly Instant[];
  readonly hasScaled: boolean;
  /** What the template's status says of its Service. */
  readonly service: Partial<ExperimentTemplateStatus> | "gone";
}

const nothing: Changes = { writes: [], events: [], wakeAt: [], hasScaled: false, service: {} };

function creation(
  { experiment, collisions, rollout }: ExperimentView,
  template: ExperimentTemplate,
  before: ExperimentTemplateStatus | undefined,
): readonly Write[] {
  // Another owner has the name: the deadline tells, unless that object goes away before.
  if (collisions.has(template.name)) return [];
  return [
    {
      op: "create",
      type: resources.replicaSets,
      object: renderReplicaSet(experiment, template, {
        collisionCount: before?.collisionCount,
        taken: hashesOf(rollout),
      }),
    },
  ];
}

/** Of the Rollout's own versions. */
function hashesOf(rollout: KubeObject | null): ReadonlySet<string> {
  const { stableRS = "", currentPodHash = "" } = (rollout?.["status"] ?? {}) as RolloutStatus;
  return new Set([stableRS, currentPodHash]);
}

interface Sizing {
  readonly replicaSet: ReplicaSet;
  readonly desired: number;
}

function adjust(view: ExperimentView, template: ExperimentTemplate, sizing: Sizing): Changes {
  return sizing.desired > 0 ? scaleUp(view, template, sizing) : scaleDown(view, template, sizing.replicaSet);
}

function scaleUp(view: ExperimentView, template: ExperimentTemplate, { replicaSet, desired }: Sizing): Changes {
  const service = serveTemplate(view, template, replicaSet);
  if (wantedOf(replicaSet) === desired) return { ...nothing, ...service };
  return {
    ...nothing,
    writes: [...service.writes, scaling(replicaSet, desired)],
    service: service.service,
    events: [scaledEvent(view, replicaSet, desired)],
    hasScaled: true,
  };
}

function serveTemplate(
  { experiment, services }: ExperimentView,
  template: ExperimentTemplate,
  replicaSet: ReplicaSet,
): Pick<Changes, "writes" | "service"> {
  if (!template.service) return { writes: [], service: {} };
  const service = renderService(experiment, template, replicaSet);
  if (!service) return { writes: [], service: {} };
  const { name } = service.metadata;
  const existing = services.get(name);
  const isForeign = existing && !existing.metadata.ownerReferences?.some(({ uid }) => uid === ownerOf(experiment).uid);
  if (isForeign) {
    const message = `Failed to create Service ${name} for template '${template.name}': services "${name}" already exists`;
    return { writes: [], service: { status: "Error", message } };
  }
  const podTemplateHash = replicaSet.metadata.labels?.[POD_TEMPLATE_HASH] ?? "";
  return {
    writes: existing ? [] : [{ op: "create", type: resources.services, object: service }],
    service: { serviceName: name, podTemplateHash },
  };
}

/** XP-008: first the deadline, then no pods, then no Service. */
function scaleDown(view: ExperimentView, template: ExperimentTemplate, replicaSet: ReplicaSet): Changes {
  const { experiment, services, now } = view;
  const delay = experiment.spec.scaleDownDelaySeconds ?? SCALE_DOWN_DELAY_SECONDS;
  const deadline = scaleDownDeadline(replicaSet);
  if (wantedOf(replicaSet) > 0) {
    if (delay > 0 && deadline === null) return { ...nothing, ...planDeadline(replicaSet, addSeconds(now, delay)) };
    if (delay > 0 && deadline !== null && deadline > now) return { ...nothing, wakeAt: [deadline] };
    if (isRouted(view)) return nothing;
    return {
      ...nothing,
      writes: [scaling(replicaSet, 0)],
      events: [scaledEvent(view, replicaSet, 0)],
      hasScaled: true,
    };
  }
  const service = services.get(serviceName(experiment, template));
  const isOwn = service?.metadata.ownerReferences?.some(({ uid }) => uid === experiment.metadata.uid);
  if (!template.service || availableOf(replicaSet) > 0) return nothing;
  return {
    ...nothing,
    writes: service && isOwn ? [{ op: "delete", type: resources.services, object: service }] : [],
    service: "gone",
  };
}

/** INV-10: requests may still come, until the Rollout says that no route leads here any more. */
function isRouted({ experiment, rollout }: ExperimentView): boolean {
  return rollout !== null && isHeld(experiment);
}

function planDeadline(replicaSet: ReplicaSet, at: Instant): Pick<Changes, "writes" | "wakeAt"> {
  const body = { metadata: { annotations: { [annotations.scaleDownDeadline]: formatTime(at) } } };
  return { writes: [patchOf(replicaSet, body)], wakeAt: [at] };
}

function scaling(replicaSet: ReplicaSet, replicas: number): Write {
  return patchOf(replicaSet, { spec: { replicas } });
}

function patchOf(replicaSet: ReplicaSet, body: Record<string, unknown>): Write {
  const { namespace = "", name } = replicaSet.metadata;
  const key = { namespace, name };
  return { op: "patch", type: resources.replicaSets, key, patch: { kind: "merge", body }, basedOn: replicaSet };
}

function scaledEvent({ experiment }: ExperimentView, replicaSet: ReplicaSet, desired: number): PlannedEvent {
  const from = wantedOf(replicaSet);
  const direction = from < desired ? "up" : "down";
  const message = `Scaled ${direction} ReplicaSet ${replicaSet.metadata.name} from ${from} to ${desired}`;
  return { regarding: experiment, type: "Normal", reason: "ScalingReplicaSet", message };
}

/** The counters, and when they last moved: the progress deadline counts from there (XP-003). */
function count(
  { now, collisions }: ExperimentView,
  { name }: ExperimentTemplate,
  {
    before,
    replicaSet,
    hasScaled,
  }: {
    before: ExperimentTemplateStatus | undefined;
    replicaSet: ReplicaSet | null;
    hasScaled: boolean;
  },
): ExperimentTemplateStatus {
  const counters = {
    replicas: presentOf(replicaSet),
    updatedReplicas: presentOf(replicaSet),
    readyReplicas: readyOf(replicaSet),
    availableReplicas: availableOf(replicaSet),
  };
  const hasMoved =
    !before ||
    hasScaled ||
    before.replicas !== counters.replicas ||
    before.readyReplicas !== counters.readyReplicas ||
    before.availableReplicas !== counters.availableReplicas;
  const collisionCount = before?.collisionCount ?? (collisions.has(name) ? 1 : undefined);
  return {
    ...before,
    name,
    ...counters,
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(hasMoved ? { lastTransitionTime: formatTime(now) } : {}),
  };
}

function deadlineSeconds({ experiment }: ExperimentView): number {
  return experiment.spec.progressDeadlineSeconds ?? PROGRESS_DEADLINE_SECONDS;
}

function assess(
  view: ExperimentView,
  { name }: ExperimentTemplate,
  status: ExperimentTemplateStatus,
  desired: number,
): ExperimentTemplateStatus {
  const { experiment, now } = view;
  if (isTemplateCompleted(status.status)) return status;
  const finish = finishAt(experiment, experiment.status ?? {});
  const hasPassed = finish !== null && finish <= now;
  const isOver = isEnding(experiment, experiment.status ?? {});
  const as = (phase: TemplatePhase, message?: string) => ({
    ...status,
    status: phase,
    ...(message ? { message } : {}),
  });
  // The deadline is for pods to come, not for how long they served before they were told to go.
  if (isOver) return as("Successful");
  if (status.availableReplicas === desired && view.replicaSets.has(name))
    return as(hasPassed ? "Successful" : "Running");
  const seconds = deadlineSeconds(view);
  const from = parseTime(status.lastTransitionTime) ?? now;
  if (now > addSeconds(from, seconds)) {
    return as("Failed", `Template '${name}' exceeded its progressDeadlineSeconds (${seconds})`);
  }
  return as("Progressing");
}

/** XP-012. */
function transition(
  { experiment }: ExperimentView,
  before: ExperimentTemplateStatus | undefined,
  { name, status = "", message }: ExperimentTemplateStatus,
): readonly PlannedEvent[] {
  if ((before?.status ?? "") === status) return [];
  const text = `Template '${name}' transitioned from ${before?.status ?? ""} -> ${status}`;
  const type = status === "Failed" || status === "Error" ? "Warning" : "Normal";
  return [
    { regarding: experiment, type, reason: `Template${status}`, message: message ? `${text}: ${message}` : text },
  ];
}
