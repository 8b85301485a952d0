import { deepCopy, isRecord } from "../../../base/json.ts";
import { apiVersionOf } from "../../../kube/resource.ts";
import type { WriteContext } from "../context.ts";
import type { ApiResult } from "../request.ts";
import { badRequest, unknownResource } from "../statuses.ts";
import { requireObject, toScale, writePath } from "../subresources.ts";
import { finishUpdate } from "../write.ts";
import { applyConfiguration } from "./apply-object.ts";
import { type Configuration, requireKind } from "./configuration.ts";

const SCALE = { group: "autoscaling", version: "v1", kind: "Scale" };

/** Apply of `/scale`: the manager of the scale owns the replica count of the object, and nothing else. */
export function applyScale(context: WriteContext): ApiResult {
  const { definition } = context.kind;
  const paths = definition.scale;
  if (!paths) throw unknownResource();
  const { stored, current } = requireObject(context);
  const sent = requireKind(context.request.body, SCALE);
  const replicas = isRecord(sent["spec"]) ? sent["spec"]["replicas"] : undefined;
  if (replicas !== undefined && !Number.isInteger(replicas)) throw badRequest("Scale.spec.replicas must be an integer");
  const config = {
    apiVersion: apiVersionOf(definition.type),
    kind: definition.type.kind,
    metadata: { name: context.request.name },
  };
  if (replicas !== undefined) writePath(config as typeof current, paths.specReplicas, replicas);
  const next = deepCopy(applyConfiguration(context, current, config as Configuration));
  const result = finishUpdate(context, { stored, current, next });
  return { ...result, object: toScale(result.object, paths), definition: null };
}
