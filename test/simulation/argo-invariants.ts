import { isCompleted } from "../../src/analysis/status.ts";
import type { ReplicaSet } from "../../src/api/apps.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import { labels } from "../../src/dialects/argo/keys.ts";
import type { AnalysisRun, Rollout } from "../../src/dialects/argo/types.ts";
import type { Change } from "../../src/kube/cache.ts";
import { isPodActive, isPodReady } from "../../src/kube/pods.ts";
import { resources } from "../../src/kube/resource.ts";
import { decide } from "../../src/routing/decide.ts";
import type { Endpoint, Table } from "../../src/routing/types.ts";
import { type ArgoKind, LABELS, ROLLOUT } from "./argo-kinds.ts";
import { isAlive } from "./invariants.ts";
import { GATEWAY } from "./requests.ts";
import type { Truth } from "./truth.ts";

/** What must hold of an Argo release after every event. Each check answers with what is wrong, or with nothing. */

const HASH_LABEL = "rollouts-pod-template-hash";
/** Weights are whole percents: one draw in the middle of each shows all that a request may meet. */
const DRAWS = Array.from({ length: 100 }, (_, percent) => (percent + 0.5) / 100);

/** Where requests go now, by the table that the mesh runs. */
export interface Reach {
  /** Pods that a request may go to, and by how many percent of the requests each name is chosen, by any of the hosts. */
  readonly endpoints: ReadonlySet<Endpoint>;
  readonly shares: ReadonlyMap<string, number>;
  /** By version: how many percent of the requests surely get it, by all of the hosts. */
  readonly sure: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

export function reachOf(table: Table, hosts: readonly string[]): Reach {
  const reaches = hosts.map((host) => reachOfHost(table, host));
  const all = <T>(select: (reach: Reach) => Iterable<T>) => reaches.flatMap((reach) => [...select(reach)]);
  const joined = (select: (reach: Reach) => ReadonlyMap<string, number>, pick: (...values: number[]) => number) => {
    const names = new Set(reaches.flatMap((reach) => [...select(reach).keys()]));
    return new Map([...names].map((name) => [name, pick(...reaches.map((reach) => select(reach).get(name) ?? 0))]));
  };
  return {
    endpoints: new Set(all(({ endpoints }) => endpoints)),
    shares: joined(({ shares }) => shares, Math.max),
    sure: joined(({ sure }) => sure, Math.min),
    failures: all(({ failures }) => failures),
  };
}

function reachOfHost(table: Table, host: string): Reach {
  const endpoints = new Set<Endpoint>();
  const shares = new Map<string, number>();
  const sure = new Map<string, number>();
  const failures = new Set<string>();
  for (const draw of DRAWS) {
    const decision = decide(table, {
      source: GATEWAY,
      port: 80,
      scheme: "http",
      method: "GET",
      path: "/",
      authority: host,
      header: () => null,
      draw,
      traceLane: () => null,
      isEjected: () => false,
    });
    if (decision.kind === "local") {
      failures.add(`${decision.status} ${decision.flags} ${decision.clusterName} from ${host}`);
      continue;
    }
    const { subset, serviceName } = decision.cluster;
    const name = subset || serviceName;
    shares.set(name, (shares.get(name) ?? 0) + 1);
    for (const endpoint of decision.cluster.endpoints) endpoints.add(endpoint);
    const [hash, ...others] = new Set(decision.cluster.endpoints.map(versionOf));
    if (hash !== undefined && others.length === 0) sure.set(hash, (sure.get(hash) ?? 0) + 1);
  }
  return { endpoints, shares, sure, failures: [...failures] };
}

function versionOf({ pod }: Endpoint): string {
  return pod?.labels[HASH_LABEL] ?? "";
}

export function hashesIn({ endpoints }: Reach): ReadonlySet<string> {
  return new Set([...endpoints].map(versionOf));
}

/** INV-01, INV-02, INV-03, INV-07. */
export function argoTrafficProblems(reach: Reach, truth: Truth): readonly string[] {
  const problems = reach.failures.map((failure) => `INV-01/03 a request got ${failure}`);
  for (const endpoint of reach.endpoints) {
    if (isAlive(endpoint, truth)) continue;
    problems.push(`INV-02 a request may go to ${endpoint.pod?.name} (${endpoint.address}), which is gone`);
  }
  return problems;
}

/**
 * INV-17: as many pods as the Rollout is to have are there for requests, of versions that get any. Those that leave serve
 * until the mesh knows; those that are ready will as soon as it does.
 */
export function capacityProblems(reach: Reach, truth: Truth, fewest: number): readonly string[] {
  const versions = hashesIn(reach);
  const ready = truth.caches
    .selectedBy(resources.pods, ROLLOUT.namespace, { matchLabels: LABELS })
    .filter((pod) => isPodActive(pod) && isPodReady(pod) && versions.has(pod.metadata.labels?.[HASH_LABEL] ?? ""));
  const serving = [...reach.endpoints].filter((endpoint) => isAlive(endpoint, truth));
  const names = new Set([...ready.map(({ metadata }) => metadata.name), ...serving.map(({ pod }) => pod?.name)]);
  return names.size < fewest ? [`INV-17 only ${names.size} of ${fewest} pods are there for requests`] : [];
}

/** Checks of single changes, which need to know what was before. */
export class ReleaseChecks {
  readonly #truth: Truth;
  readonly #kind: ArgoKind;
  readonly #reach: () => Reach | null;
  readonly #isBad: (hash: string) => boolean;
  /** Ready pods by Service. */
  readonly #selected = new Map<string, number>();
  /** Somebody asked for something after the abort that may end it (INV-22). */
  mayAbortEnd = false;
  /** The version that people want, and the most of the requests that it ever got for sure. */
  #forward = { hash: "", most: 0 };

  constructor(options: ReleaseChecksOptions) {
    this.#truth = options.truth;
    this.#kind = options.kind;
    this.#reach = options.reach;
    this.#isBad = options.isBad;
  }

  /** INV-06: where nobody takes anything back, the newest version never loses requests. "": not to be looked at. */
  forward(reach: Reach, hash: string): readonly string[] {
    if (hash !== this.#forward.hash) this.#forward = { hash, most: 0 };
    const { most } = this.#forward;
    const share = hash === "" ? 0 : (reach.sure.get(hash) ?? 0);
    this.#forward = { hash, most: Math.max(most, share) };
    return share < most ? [`INV-06 version ${hash} falls from ${most} to ${share} % of the requests`] : [];
  }

  check({ type, before, after }: Change): readonly string[] {
    const found: string[] = [];
    if (after) found.push(...sumProblems(type, after));
    if (type === resources.services || type === resources.pods) found.push(...this.#selectionProblems());
    if (type === resources.analysisRuns) found.push(...this.#runProblems());
    if (before && after) {
      const name = this.#canaryName;
      const target = targetOf(type, before, name);
      if (target !== targetOf(type, after, name)) found.push(...this.#moveProblems(target, name));
      if (type === resources.replicaSets)
        found.push(...this.#shrinkProblems(before as ReplicaSet, after as ReplicaSet));
      if (type === resources.argoRollouts) found.push(...this.#rolloutProblems(before as Rollout, after as Rollout));
    }
    return found;
  }

  get #rollout(): Rollout | null {
    return this.#truth.caches.get<Rollout>(resources.argoRollouts, ROLLOUT);
  }

  get #canaryName(): string | null {
    return this.#rollout && this.#kind.canaryName(this.#rollout);
  }

  #moveProblems(from: string | undefined, name: string | null): readonly string[] {
    const reach = this.#reach();
    const share = (name !== null && reach?.shares.get(name)) || 0;
    const problems: string[] = [];
    for (const route of this.#truth.caches.list(resources.virtualServices)) {
      const written = destinationsOf(route).find(({ names }) => names.includes(name ?? ""))?.weight;
      if (written) problems.push(`INV-04 the canary's name leaves ${from} while its written weight is ${written}`);
    }
    if (share > 0) problems.push(`INV-04 the canary's name leaves ${from} while ${share} % of the requests use it`);
    return problems;
  }

  #selectionProblems(): readonly string[] {
    return this.#truth.caches.list(resources.services, ROLLOUT.namespace).flatMap((service) => {
      const { selector } = service["spec"] as { selector?: Record<string, string> };
      if (!selector) return [];
      const pods = this.#truth.caches.selectedBy(resources.pods, ROLLOUT.namespace, { matchLabels: selector });
      const count = pods.filter((pod) => isPodActive(pod) && isPodReady(pod)).length;
      const { name } = service.metadata;
      const had = this.#selected.get(name) ?? 0;
      this.#selected.set(name, count);
      const isOurs = this.#kind.objects.some(({ kind, metadata }) => kind === "Service" && metadata.name === name);
      if (!isOurs || (this.#rollout && this.#kind.unready(this.#rollout).includes(name))) return [];
      return had > 0 && count === 0 ? [`INV-07 Service ${name} selects no ready pod any more`] : [];
    });
  }

  /** A version loses its last pods only after its traffic; after an abort it loses none before (INV-11, INV-26). */
  #shrinkProblems(before: ReplicaSet, after: ReplicaSet): readonly string[] {
    const [from, to] = [before.spec.replicas ?? 1, after.spec.replicas ?? 1];
    const reach = this.#reach();
    if (to >= from || reach === null) return [];
    const hash = after.metadata.labels?.[HASH_LABEL] ?? "";
    if (hash === "" || ![...reach.shares.keys()].some((name) => this.#hashOf(name) === hash)) return [];
    const { spec, status = {} } = this.#rollout!;
    const isAborted = status.abort === true && status.stableRS !== hash;
    const keepsCapacity = isAborted && spec.strategy?.canary?.dynamicStableScale !== true;
    if (to > 0 && !keepsCapacity) return [];
    const id = isAborted ? "INV-11" : "INV-02/26";
    return [`${id} version ${hash} goes from ${from} to ${to} pods while requests go to it`];
  }

  /** The version that a name stands for: endpoints that lag behind are the node's concern, which drains each pod (INV-02). */
  #hashOf(name: string): string | undefined {
    const { caches } = this.#truth;
    const service = caches.get(resources.services, { ...ROLLOUT, name });
    const { selector } = (service?.["spec"] ?? {}) as { selector?: Record<string, string> };
    if (selector) return selector[HASH_LABEL];
    const [rule] = caches.list(resources.destinationRules);
    return rule && subsetHash(rule, name);
  }

  #rolloutProblems(before: Rollout, after: Rollout): readonly string[] {
    const { stableRS = "" } = after.status ?? {};
    const isNews = stableRS !== before.status?.stableRS;
    const promoted =
      isNews && this.#isBad(stableRS) ? [`INV-45 ${stableRS} was promoted in spite of its analysis`] : [];
    return [...promoted, ...stepProblems(before, after), ...this.#abortProblems(before, after)];
  }

  #abortProblems(before: Rollout, after: Rollout): readonly string[] {
    if (before.status?.abort !== true || this.mayAbortEnd) return [];
    const { stableRS, currentPodHash } = before.status;
    if (stableRS === currentPodHash) return [];
    if (after.status?.stableRS !== stableRS) return ["INV-22 an aborted release was promoted"];
    return after.status?.abort === true ? [] : ["INV-22 the abort ended though nobody asked for it"];
  }

  /** INV-49. */
  #runProblems(): readonly string[] {
    const live = this.#truth.caches
      .list<AnalysisRun>(resources.analysisRuns)
      .filter(({ spec, status }) => !isCompleted(status?.phase) && spec.terminate !== true)
      .map(({ metadata }) => `${metadata.labels?.[labels.rolloutType]} ${metadata.labels?.[HASH_LABEL]}`);
    return live.length === new Set(live).size ? [] : [`INV-49 live at once: ${live.join(", ")}`];
  }
}

export interface ReleaseChecksOptions {
  readonly truth: Truth;
  readonly kind: ArgoKind;
  readonly reach: () => Reach | null;
  /** Analyses find that this version is bad. */
  readonly isBad: (hash: string) => boolean;
}

/** INV-19, INV-35: the same release, and no abort: steps are never done again. */
function stepProblems({ status: from = {} }: Rollout, { status: to = {} }: Rollout): readonly string[] {
  const isSame = from.currentPodHash === to.currentPodHash && from.currentStepHash === to.currentStepHash;
  if (!isSame || from.abort === true || to.abort === true || from.abortedAt !== undefined) return [];
  const [before, after] = [from.currentStepIndex ?? 0, to.currentStepIndex ?? 0];
  return after < before ? [`INV-19 the release goes back from step ${before} to ${after}`] : [];
}

interface Destination {
  readonly names: readonly string[];
  readonly weight: number;
}

/** Where the one route of the simulation leads to. */
function destinationsOf(virtualService: KubeObject): readonly Destination[] {
  const { http } = virtualService["spec"] as {
    http: { name?: string; route: { destination: { host: string; subset?: string }; weight?: number }[] }[];
  };
  const route = http.find(({ name }) => name === "primary")?.route ?? [];
  return route.map(({ destination: { host, subset = host }, weight = 0 }) => ({ names: [subset], weight }));
}

/** INV-05. */
function sumProblems(type: Change["type"], object: KubeObject): readonly string[] {
  const weights = weightsOf(type, object);
  if (weights === null) return [];
  const isRight =
    weights.every((weight) => Number.isInteger(weight) && weight >= 0) &&
    weights.reduce((sum, weight) => sum + weight, 0) === 100;
  return isRight ? [] : [`INV-05 the weights of ${object.kind} ${object.metadata.name} are ${weights.join(", ")}`];
}

/** Null: it says nothing of weights. */
function weightsOf(type: Change["type"], object: KubeObject): readonly number[] | null {
  if (type === resources.virtualServices) return destinationsOf(object).map(({ weight }) => weight);
  if (type === resources.httpRoutes) {
    const { rules } = object["spec"] as { rules: { backendRefs: { weight?: number }[] }[] };
    const weights = rules[0]!.backendRefs.map(({ weight }) => weight);
    // The user's route says none before the first release.
    return weights.every((weight) => weight === undefined) ? null : weights.map((weight) => weight ?? Number.NaN);
  }
  if (type !== resources.ingresses) return null;
  const weight = object.metadata.annotations?.["nginx.ingress.kubernetes.io/canary-weight"];
  return weight === undefined ? null : [Number(weight), 100 - Number(weight)];
}

/** The version that a name stands for, if the object is what says so. */
function targetOf(type: Change["type"], object: KubeObject, name: string | null): string | undefined {
  if (type === resources.services && object.metadata.name === name) {
    return (object["spec"] as { selector?: Record<string, string> }).selector?.[HASH_LABEL];
  }
  if (type !== resources.destinationRules || name === null) return undefined;
  return subsetHash(object, name);
}

function subsetHash(rule: KubeObject, subset: string): string | undefined {
  const { subsets = [] } = rule["spec"] as { subsets?: { name: string; labels?: Record<string, string> }[] };
  return subsets.find(({ name }) => name === subset)?.labels?.[HASH_LABEL];
}

/** Where everything must have come to when nothing is left to do (INV-20, INV-22, INV-26, INV-28). */
export function argoEndProblems(
  truth: Truth,
  reach: Reach | null,
  wanted: { readonly image: string; readonly isAborted: boolean; readonly kind: ArgoKind },
): readonly string[] {
  const rollout = truth.caches.get<Rollout>(resources.argoRollouts, ROLLOUT);
  if (!rollout) return ["INV-28 there is no Rollout"];
  const { status = {}, spec } = rollout;
  const { phase, stableRS = "", currentPodHash } = status;
  const { isAborted } = wanted;
  const problems: string[] = [];
  const expected = isAborted ? "Degraded" : "Healthy";
  if (phase !== expected) problems.push(`INV-28 the phase is ${phase} (${status.message}), not ${expected}`);
  if (!isAborted && stableRS !== currentPodHash) problems.push(`INV-26 ${stableRS} is stable, not ${currentPodHash}`);
  const pods = truth.caches.list(resources.pods, ROLLOUT.namespace);
  if (pods.length !== spec.replicas) problems.push(`INV-28 there are ${pods.length} pods instead of ${spec.replicas}`);
  for (const pod of pods) {
    const hash = pod.metadata.labels?.[HASH_LABEL];
    if (hash !== stableRS) problems.push(`INV-26 ${pod.metadata.name} is left over`);
    const { containers } = pod["spec"] as { containers: { image: string }[] };
    const image = containers[0]?.image;
    if (!isAborted && image !== wanted.image) problems.push(`INV-26 a pod runs ${image}, not ${wanted.image}`);
  }
  if (spec.restartAt !== status.restartedAt) problems.push(`INV-28 the restart of ${spec.restartAt} is not over`);
  for (const run of truth.caches.list<AnalysisRun>(resources.analysisRuns)) {
    if (!isCompleted(run.status?.phase)) problems.push(`INV-49 AnalysisRun ${run.metadata.name} goes on`);
  }
  problems.push(...stableTrafficProblems(reach, rollout, wanted.kind));
  return problems;
}

/** INV-20: all requests go to the stable version. */
export function stableTrafficProblems(reach: Reach | null, rollout: Rollout, kind: ArgoKind): readonly string[] {
  if (reach === null) return ["INV-20 the mesh runs nothing"];
  const { stableRS = "" } = rollout.status ?? {};
  const others = [...hashesIn(reach)].filter((hash) => hash !== stableRS);
  const problems = others.map((hash) => `INV-20 requests go to ${hash}, and ${stableRS} is stable`);
  const share = reach.shares.get(kind.canaryName(rollout) ?? "") ?? 0;
  if (share > 0) problems.push(`INV-20 ${share} % of the requests go by the canary's name`);
  return problems;
}
