import { deepEqual } from "../../../base/json.ts";
import { resources } from "../../../kube/resource.ts";
import { leaseColumns, priorityClassColumns } from "../columns/core-columns.ts";
import type { ResourceDefinition } from "../resource.ts";
import { bool, int, str, struct, time } from "../schema/dsl.ts";
import { invalid } from "../schema/problems.ts";
import { builtin, setDefaults } from "./define.ts";

/** Small groups with one kind each: coordination.k8s.io and scheduling.k8s.io. */

const leases = builtin(resources.leases, {
  createOnUpdate: true,
  fields: {
    spec: struct("LeaseSpec", {
      holderIdentity: str,
      leaseDurationSeconds: int,
      acquireTime: time,
      renewTime: time,
      leaseTransitions: int,
      strategy: str,
      preferredHolder: str,
    }),
  },
  columns: leaseColumns,
});

const priorityClasses = builtin(resources.priorityClasses, {
  shortNames: ["pc"],
  createOnUpdate: true,
  generation: "spec",
  fields: { value: int, globalDefault: bool, description: str, preemptionPolicy: str },
  columns: priorityClassColumns,
  applyDefaults: (object) => setDefaults(object, { value: 0, preemptionPolicy: "PreemptLowerPriority" }),
  validate: (object, old) =>
    old && !deepEqual(old["value"], object["value"]) ? [invalid("value", object["value"], "field is immutable")] : [],
});

export const coordinationDefinitions: readonly ResourceDefinition[] = [leases];
export const schedulingDefinitions: readonly ResourceDefinition[] = [priorityClasses];
