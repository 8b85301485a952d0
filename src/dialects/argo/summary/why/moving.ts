import { formatAge, parseTime } from "../../../../base/time.ts";
import { WAITING_FOR_DATA_PLANE } from "../../pass.ts";
import { conditionOf } from "../../status/conditions.ts";
import { isUpToDate } from "../../status/shown-phase.ts";
import { isUnderWay, runText } from "./analysis.ts";
import { isShort, podActions, shortageText } from "./pods.ts";
import {
  abortAction,
  isInRelease,
  KIND,
  kubectl,
  newReplicaSet,
  plugin,
  promoteAction,
  type Rule,
  type Situation,
  stableReplicaSet,
  stepText,
  undoAction,
  type Wait,
} from "./situation.ts";
import { capital } from "./stopped.ts";

/** Rules for a Rollout that is on its way, or where it should be (ARC-624…632). */

/** ARC-632, and what people ask for in the status. */
export const unseen: Rule = (situation) => {
  const { rollout, status, summary } = situation;
  const { metadata } = rollout;
  if (!isUpToDate(rollout)) {
    const [generation, seen] = [metadata.generation ?? 0, status.observedGeneration ?? "none"];
    return unacted(
      String(generation) === seen
        ? `The controller has not seen the newest template of ${rollout.spec.workloadRef?.kind} ${rollout.spec.workloadRef?.name} yet`
        : `The controller has not seen the newest spec yet (generation ${generation}, seen ${seen})`,
    );
  }
  const isAborting =
    status.abort === true && !(status.conditions ?? []).some(({ reason }) => reason === "RolloutAborted");
  if (isAborting && isInRelease(situation))
    return unacted("An abort was asked for, and the controller has not acted on it yet");
  const isResumed = status.controllerPause === true && (status.pauseConditions ?? []).length === 0;
  if (isResumed && summary.phase === "Progressing")
    return unacted("The pause was ended, and the controller has not acted on it yet");
  return (rollout.status?.conditions ?? []).length === 0 && rollout.status?.phase === undefined
    ? unacted("No controller has looked at it yet")
    : null;
};

function unacted(what: string): Wait {
  return {
    waitsFor: "controller",
    text: `${what}. If that lasts, no controller runs, or it looks after another instance id.`,
    actions: [],
  };
}

/** ARC-914 and other wrongs of the routes. */
export const routes: Rule = (situation) => {
  const problem = conditionOf(situation.status, "TrafficRoutingError");
  if (!problem) return null;
  return {
    waitsFor: "correction",
    text: `The traffic cannot be set as it should be: ${problem.message ?? ""}.`,
    actions: [
      kubectl(situation, `describe ${KIND} ${situation.summary.name}`, "shows the events beside it"),
      abortAction(situation),
    ],
  };
};

/** A quota, a policy, a limit: the API server does not take what the release needs. */
export const refused: Rule = (situation) => {
  const progressing = conditionOf(situation.status, "Progressing");
  const isRefused = progressing?.reason === "ReplicaSetCreateError";
  const failure = isRefused ? progressing : conditionOf(situation.status, "ReplicaFailure");
  if (!failure || (!isRefused && failure.status !== "True")) return null;
  return {
    waitsFor: "correction",
    text: `The API server refuses what the release needs: ${failure.message ?? ""}. It is tried again and again.`,
    actions: [
      kubectl(situation, "describe resourcequota", "shows quotas and what is used of them"),
      abortAction(situation),
    ],
  };
};

/** ARC-624. */
export const restarting: Rule = (situation) => {
  const { rollout, summary, now } = situation;
  if (summary.message !== "rollout is restarting") return null;
  const at = parseTime(rollout.spec.restartAt);
  if (at !== null && at > now) {
    return {
      waitsFor: "time",
      text: `Its pods are to be replaced in ${formatAge(at - now)} (${rollout.spec.restartAt}).`,
      actions: [],
    };
  }
  const pods = summary.revisions.flatMap(({ replicaSets }) => replicaSets.flatMap((one) => one.pods));
  const old = pods.filter(({ createdAt }) => (parseTime(createdAt) ?? now) < (at ?? 0));
  const short = summary.revisions.flatMap(({ replicaSets }) => replicaSets).find(isShort);
  const cause = short ? `; ${shortageText(short)}` : "";
  return {
    waitsFor: "pods",
    text: `Pods from before ${rollout.spec.restartAt} are being replaced, as many at once as may be missing (${old.length} to go)${cause}.`,
    actions: [
      ...(short ? podActions(situation, short) : []),
      kubectl(situation, "get poddisruptionbudgets", "shows budgets, which may forbid the next one"),
    ],
  };
};

/** ARC-627, ARC-628, and the steps that wait for a verdict; before pods, which are as many as they shall be meanwhile. */
export const verdict: Rule = (situation) => {
  const { summary, status, step } = situation;
  if (summary.phase !== "Progressing") return null;
  const { canary, blueGreen } = status;
  const [where, run] = step?.analysis
    ? [capital(stepText(situation)), canary?.currentStepAnalysisRunStatus]
    : isUnderWay(blueGreen?.prePromotionAnalysisRunStatus)
      ? ["Before the switch it", blueGreen.prePromotionAnalysisRunStatus]
      : ["After the switch it", blueGreen?.postPromotionAnalysisRunStatus];
  if (isUnderWay(run)) {
    return {
      waitsFor: "analysis",
      text: `${where} waits for a verdict. ${runText(summary, run)}.`,
      actions: [abortAction(situation), ...(step ? [skipAction(situation)] : [])],
    };
  }
  if (!step?.experiment) return null;
  const name = canary?.currentExperiment ?? "";
  const experiment = summary.revisions.flatMap((one) => one.experiments).find((one) => one.name === name);
  const state = experiment
    ? `Experiment ${name} is ${experiment.phase || "Pending"}`
    : "Its experiment is about to be made";
  const short = experiment?.replicaSets.find(isShort);
  const about = short ? `: ${shortageText(short)}` : experiment?.message ? `: ${experiment.message}` : "";
  return {
    waitsFor: "experiment",
    text: `${capital(stepText(situation))} waits for its end. ${state}${about}.`,
    actions: [abortAction(situation), skipAction(situation)],
  };
};

function skipAction(situation: Situation) {
  const { effect } = promoteAction(situation);
  return plugin(situation, "promote", `skips it, and ${effect}`, " --skip");
}

/** ARC-625, ARC-626: pods that there should be. */
export const pods: Rule = (situation) => {
  const { summary } = situation;
  if (summary.phase !== "Progressing") return null;
  const wanted =
    summary.message === STABLE_FIRST
      ? [stableReplicaSet(situation)]
      : [newReplicaSet(situation), stableReplicaSet(situation)];
  const short = wanted.find((one) => one !== null && isShort(one));
  if (!short) return null;
  const isNew = short === newReplicaSet(situation);
  return {
    waitsFor: "pods",
    text: `${capital(shortageText(short))}.`,
    actions: [
      ...podActions(situation, short),
      ...(isInRelease(situation) ? [abortAction(situation)] : []),
      ...(isNew ? [undoAction(situation)] : []),
    ],
  };
};

const STABLE_FIRST = "waiting for the stable version to be available";

/** ARC-901: what is written is not live yet. */
export const traffic: Rule = (situation) => {
  const { summary, status } = situation;
  if (summary.phase !== "Progressing") return null;
  const settling = conditionOf(status, "TrafficSettling");
  if (settling) return { waitsFor: "time", text: `${capital(settling.message ?? "Traffic was set")}.`, actions: [] };
  if (summary.message === WAITING_FOR_DATA_PLANE) {
    const before = status.canary?.weights?.canary.weight ?? 0;
    return {
      waitsFor: "data-plane",
      text: `Routes and endpoints are written, and the data plane has not said yet that it runs them (weight ${before} so far, ${summary.setWeight} wanted).`,
      actions: [
        { command: "fairway status", effect: "shows whether the mesh runs" },
        kubectl(situation, `describe ${KIND} ${summary.name}`, "shows the events beside it"),
      ],
    };
  }
  if (!/^waiting for a ready pod of version /.test(summary.message)) return null;
  return {
    waitsFor: "data-plane",
    text: `It is ${summary.message}. If that lasts, the Service's selector does not match the pods' labels.`,
    actions: [kubectl(situation, "get endpointslices", "shows which pods Services have")],
  };
};

/** ARC-627…630: the controller is at it. */
export const underWay: Rule = (situation) => {
  const { summary, status, rollout } = situation;
  if (summary.phase !== "Progressing") return null;
  if (summary.message === "active service cutover pending") {
    const { activeService = "" } = rollout.spec.strategy?.blueGreen ?? {};
    return {
      waitsFor: "controller",
      text: `The new version is about to get Service ${activeService}.`,
      actions: [abortAction(situation)],
    };
  }
  if (summary.message === "old replicas are pending termination") {
    const { current, updated } = summary.replicas;
    return {
      waitsFor: "pods",
      text: `The new version is complete; pods of older ones are still ending (${current - updated}).`,
      actions: [],
    };
  }
  const known = [
    "more replicas need to be updated",
    "updated replicas are still becoming available",
    "waiting for all steps to complete",
  ];
  if (!known.includes(summary.message)) return null;
  if (status.promoteFull)
    return {
      waitsFor: "pods",
      text: "A full promotion is under way: the new version grows to its full size.",
      actions: [abortAction(situation)],
    };
  const step = stepText(situation);
  const { desired, updated, available } = summary.replicas;
  const counts = `${updated} of ${desired} pods are of the new version, ${available} are available`;
  return {
    waitsFor: "pods",
    text: step === "" ? `The new version is growing: ${counts}.` : `${capital(step)} is being carried out: ${counts}.`,
    actions: isInRelease(situation) ? [abortAction(situation)] : [],
  };
};

/** ARC-631. */
export const healthy: Rule = (situation) => {
  const { summary, now } = situation;
  if (summary.phase !== "Healthy") return null;
  const version = stableReplicaSet(situation) ?? newReplicaSet(situation);
  const { desired } = summary.replicas;
  const kept = summary.revisions
    .flatMap(({ replicaSets }) => replicaSets)
    .map(({ revision: number, scaleDownDeadline }) => ({ number, until: parseTime(scaleDownDeadline) }))
    .find(({ until }) => until !== null && until > now);
  const also = kept
    ? ` The pods of revision ${kept.number} are kept for another ${formatAge((kept.until ?? 0) - now)}.`
    : "";
  return {
    waitsFor: "nothing",
    text: `It waits for nothing: revision ${version?.revision ?? 0} has all of the traffic, and its ${desired} pods are available.${also}`,
    actions: [],
  };
};
