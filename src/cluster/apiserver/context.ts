import type { KubeObject } from "../../api/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { AdmissionPlugin, Converter } from "../../kube/admission.ts";
import type { Store, Transaction } from "../store/store.ts";
import type { Registry, ServedKind } from "./registry.ts";
import type { ApiRequest } from "./request.ts";
import type { AddressRange } from "./service-allocation.ts";

/** What every part of the request pipeline works with. */
export interface ServerContext {
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly admission: readonly AdmissionPlugin[];
  /** By `plural.group`. */
  readonly converters: Readonly<Record<string, Converter>>;
  readonly serviceRange: AddressRange;
  /** CustomResourceDefinitions that packs bring, by name: their rules are checked by tests, not at every start. */
  readonly packCrds: ReadonlyMap<string, KubeObject>;
}

/** One write on its way: the request, its kind, and the transaction that it becomes part of. */
export interface WriteContext extends ServerContext {
  readonly transaction: Transaction;
  readonly kind: ServedKind;
  readonly request: ApiRequest;
  readonly dryRun: boolean;
  readonly warnings: string[];
}
