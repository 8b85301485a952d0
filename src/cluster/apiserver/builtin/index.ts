import type { Converter } from "../../../kube/admission.ts";
import type { ResourceDefinition } from "../resource.ts";
import { appsDefinitions } from "./apps.ts";
import { autoscalingDefinitions } from "./autoscaling.ts";
import { convertAutoscaler } from "./autoscaling-versions.ts";
import { batchDefinitions } from "./batch.ts";
import { coordinationDefinitions, schedulingDefinitions } from "./cluster-services.ts";
import { coreDefinitions } from "./core.ts";
import { convertEvent, coreEventDefinitions, eventDefinitions } from "./events.ts";
import {
  admissionRegistrationDefinitions,
  apiExtensionsDefinitions,
  apiRegistrationDefinitions,
} from "./extensions.ts";
import { networkingDefinitions } from "./networking.ts";
import { podDefinitions } from "./pods.ts";
import { policyDefinitions } from "./policy.ts";
import { rbacDefinitions } from "./rbac.ts";
import { authenticationDefinitions, authorizationDefinitions } from "./reviews.ts";
import { discoveryDefinitions, serviceDefinitions } from "./services.ts";
import { storageDefinitions, volumeDefinitions } from "./storage.ts";

/**
 * Every built-in kind (section 12), in the order of discovery: core first. Of several versions of a kind the first is
 * the stored one.
 */
export const builtinDefinitions: readonly ResourceDefinition[] = [
  ...[...coreDefinitions, ...coreEventDefinitions, ...podDefinitions, ...serviceDefinitions, ...volumeDefinitions].sort(
    (left, right) => (left.type.plural < right.type.plural ? -1 : 1),
  ),
  ...apiRegistrationDefinitions,
  ...appsDefinitions,
  ...eventDefinitions,
  ...authenticationDefinitions,
  ...authorizationDefinitions,
  ...autoscalingDefinitions,
  ...batchDefinitions,
  ...networkingDefinitions,
  ...policyDefinitions,
  ...rbacDefinitions,
  ...storageDefinitions,
  ...admissionRegistrationDefinitions,
  ...apiExtensionsDefinitions,
  ...schedulingDefinitions,
  ...coordinationDefinitions,
  ...discoveryDefinitions,
];

/** Built-in kinds whose versions differ in more than the name, by the table that they are stored in. */
export const builtinConverters: Readonly<Record<string, Converter>> = {
  events: convertEvent,
  "horizontalpodautoscalers.autoscaling": convertAutoscaler,
};
