import type { AdmissionPlugin } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import { type ASMSwimLaneGroup, groupNameOf } from "./types.ts";

/** LANE-058: without the lane to fall back to, every call of every other lane would lose its way. */
const keepFallbackTarget: AdmissionPlugin = {
  name: "fallback-target.asm.fairway.dev",
  kind: "validating",
  admit({ operation, type, subresource, name, oldObject }, reader) {
    if (operation !== "DELETE" || subresource !== "" || type.kind !== resources.swimLanes.kind)
      return { allowed: true };
    if (type.group !== resources.swimLanes.group || oldObject === null) return { allowed: true };
    const groupName = groupNameOf(oldObject);
    const group = reader.get(resources.swimLaneGroups, { namespace: "", name: groupName }) as ASMSwimLaneGroup | null;
    if (group === null || group.metadata.deletionTimestamp) return { allowed: true };
    const { isPermissive, permissiveModeConfiguration: mode = {} } = group.spec ?? {};
    const services = Object.values(mode.serviceLevelFallbackTarget ?? {});
    if (!isPermissive || (mode.fallbackTarget !== name && !services.includes(name))) return { allowed: true };
    const message = `lane ${name} is the fallbackTarget of swim lane group ${groupName}: name another one in the group first, or delete the group`;
    return { allowed: false, code: 403, reason: "Forbidden", message };
  },
};

export const asmAdmission: readonly AdmissionPlugin[] = [keepFallbackTarget];
