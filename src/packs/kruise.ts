import { workloadAdmission } from "../dialects/kruise/admission.ts";
import { convertBatchRelease, convertRollout } from "../dialects/kruise/convert.ts";
import { kruiseCrds } from "../dialects/kruise/crds.ts";
import { styleAdmission } from "../dialects/kruise/style-admission.ts";
import { rolloutValidation } from "../dialects/kruise/validate.ts";
import type { Pack } from "./pack.ts";

/** OpenKruise Rollouts: rollouts.kruise.io, the two admission webhooks that the original installs, and one of ours. */
export const kruisePack: Pack = {
  name: "kruise",
  crds: kruiseCrds,
  converters: {
    "rollouts.rollouts.kruise.io": convertRollout,
    "batchreleases.rollouts.kruise.io": convertBatchRelease,
  },
  admission: [workloadAdmission, styleAdmission, rolloutValidation],
};
