import type { PodTemplate, ReplicaSet } from "../../api/apps.ts";
import type { DestinationRule, VirtualService } from "../../api/istio.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import type { RouteObjects, RouteRival } from "./traffic/route-objects.ts";
import type {
  AnalysisRun,
  AnalysisTemplate,
  ClusterAnalysisTemplate,
  Experiment,
  IstioVirtualService,
  Rollout,
} from "./types.ts";

/** Everything that a pass over a Rollout decides on. */
export interface RolloutView {
  readonly rollout: Rollout;
  readonly now: Instant;
  /** How long a write to the mesh is taken to need where nobody tells when it is in force. */
  readonly assumedPropagationSeconds: number;
  /** The workload that `workloadRef` names; null without one, "missing" when it does not exist. */
  readonly workload: Workload | "missing" | "unsupported" | null;
  /** Controlled by the Rollout and matched by its selector, oldest first. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Matched, without controller, and once ours by their hash label: to adopt. */
  readonly orphans: readonly ReplicaSet[];
  /** Ours but no longer matched: to release. */
  readonly strangers: readonly ReplicaSet[];
  /** ReplicaSets of the namespace by name that belong to somebody else. */
  readonly takenNames: ReadonlySet<string>;
  /** Names that our AnalysisRuns and Experiments could have, taken by somebody else's. */
  readonly foreignRunNames: ReadonlySet<string>;
  readonly foreignExperimentNames: ReadonlySet<string>;
  /** Services that the Rollout names; null for one that does not exist. */
  readonly services: ReadonlyMap<string, ServiceView | null>;
  /** What is behind the Services of experiments' templates. */
  readonly temporary: ReadonlyMap<string, TemporaryService>;
  /** Per entry of the Istio configuration. */
  readonly virtualServices: readonly VirtualServiceView[];
  /** Undefined: none is asked for. */
  readonly destinationRule: DestinationRule | null | undefined;
  /** Of the routers besides Istio. */
  readonly routeObjects: RouteObjects;
  /** Of the Service that the rule is for; null: it is for none that keeps slices. */
  readonly ruleSlices: readonly KubeObject[] | null;
  /** What the data plane says that it runs; null: nobody says. */
  readonly dataPlane: KubeObject | null;
  readonly analysisRuns: readonly AnalysisRun[];
  readonly experiments: readonly Experiment[];
  readonly templates: ReadonlyMap<string, AnalysisTemplate>;
  readonly clusterTemplates: ReadonlyMap<string, ClusterAnalysisTemplate>;
  /** Pods of each owned ReplicaSet, by its name; only where they are needed (restart, metadata). */
  readonly pods: ReadonlyMap<string, readonly KubeObject[]>;
  /** Other Rollouts whose spec names one of our VirtualServices' routes too, oldest first. */
  readonly rivals: readonly string[];
  /** The same for objects of other routers. */
  readonly routeRivals: readonly RouteRival[];
}

export interface Workload {
  readonly object: KubeObject;
  readonly template: PodTemplate;
}

export interface ServiceView {
  readonly service: KubeObject;
  /** The hashes of the pods behind its ready endpoints; "" stands for pods of nobody's. */
  readonly endpointHashes: ReadonlySet<string>;
  readonly slices: readonly KubeObject[];
}

export interface TemporaryService {
  readonly slices: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
}

export interface VirtualServiceView {
  readonly config: IstioVirtualService;
  /** Path of the configuration in the Rollout, for messages. */
  readonly path: string;
  readonly object: VirtualService | null;
}
