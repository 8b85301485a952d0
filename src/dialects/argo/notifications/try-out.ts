import type { Value } from "../../../analysis/expression/index.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Instant } from "../../../base/time.ts";
import type { NotificationConfig } from "./config.ts";
import { isMistake, rendered } from "./decide.ts";
import { type Delivery, type Destination, type Notification, NotificationError } from "./types.ts";

/** CL-076: a configuration on one object, without an event and without anybody being told. Pure. */
export interface Trial {
  readonly config: NotificationConfig;
  readonly object: KubeObject;
  /** Runs of the Rollout's present revision, newest first. */
  readonly analysisRuns: readonly KubeObject[];
  readonly now: Instant;
}

/** The service that prints instead of sending; it takes every part of a template. */
export const CONSOLE = "console";

function variablesOf({ object, analysisRuns, config }: Trial, { service, recipient }: Destination) {
  return { rollout: object, analysisRuns, recipient, serviceType: service, secrets: config.secrets };
}

/** All that the template makes. Throws NotificationError. */
export function tryTemplate(name: string, trial: Trial): Notification {
  const data = variablesOf(trial, { service: CONSOLE, recipient: "stdout" });
  return rendered({ names: [name], type: null }, trial.config, data);
}

/** What would be sent there. Throws NotificationError. */
export function tryDelivery(name: string, destination: Destination, trial: Trial): readonly Delivery[] {
  const service = trial.config.services.get(destination.service);
  if (!service) throw new NotificationError(`notification service '${destination.service}' is not supported`);
  const data = variablesOf(trial, destination);
  const notification = rendered({ names: [name], type: service.type }, trial.config, data);
  return service.prepare(notification, { ...destination, now: trial.now });
}

export interface TriedCondition {
  readonly condition: string;
  readonly result: boolean;
}

/** Each condition of the trigger. Throws NotificationError. */
export function tryTrigger(name: string, trial: Trial): readonly TriedCondition[] {
  const { config, now } = trial;
  const conditions = config.triggers.get(name) ?? [];
  const variables = variablesOf(trial, { service: "", recipient: "" }) as unknown as Record<string, Value>;
  return conditions.map(({ when, whenText }) => {
    try {
      return { condition: whenText, result: when === null || when.evaluate({ variables, now }) === true };
    } catch (error) {
      if (!isMistake(error)) throw error;
      throw new NotificationError(`condition "${whenText}": ${error.message}`);
    }
  });
}
