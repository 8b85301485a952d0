import type { ExperimentSummary } from "../../dialects/argo/summary/experiment.ts";
import type { ImageSummary } from "../../dialects/argo/summary/images.ts";
import type { RolloutSummary } from "../../dialects/argo/summary.ts";
import { analysisIcon, type Paint, rolloutIcon } from "./icons.ts";

const LABEL_WIDTH = 17;

function line(label: string, value: string | number): string {
  return `${label.padEnd(LABEL_WIDTH)}${value}\n`;
}

/** What stands above the tree (CL-010…014). */
export function renderRolloutHeader(summary: RolloutSummary, paint: Paint): string {
  const { name, namespace, phase, message, strategy, replicas } = summary;
  return [
    line("Name:", name),
    line("Namespace:", namespace),
    line("Status:", `${paint(rolloutIcon(phase))} ${phase}`),
    ...(message === "" ? [] : [line("Message:", message)]),
    line("Strategy:", strategy),
    ...(strategy === "Canary" ? canaryLines(summary) : []),
    ...imageLines(summary.images, paint),
    "Replicas:\n",
    line("  Desired:", replicas.desired),
    line("  Current:", replicas.current),
    line("  Updated:", replicas.updated),
    line("  Ready:", replicas.ready),
    line("  Available:", replicas.available),
  ].join("");
}

/** CL-021. */
export function renderExperimentHeader(summary: ExperimentSummary, paint: Paint): string {
  const { name, namespace, phase, message, images } = summary;
  return [
    line("Name:", name),
    line("Namespace:", namespace),
    line("Status:", `${paint(analysisIcon(phase))} ${phase}`),
    ...(message === "" ? [] : [line("Message:", message)]),
    ...imageLines(images, paint),
  ].join("");
}

function canaryLines({ step, setWeight, actualWeight }: RolloutSummary): string[] {
  return [
    line("  Step:", step === null ? "" : `${step.index}/${step.count}`),
    line("  SetWeight:", setWeight),
    line("  ActualWeight:", actualWeight),
  ];
}

function imageLines(images: readonly ImageSummary[], paint: Paint): string[] {
  return images.map(({ image, tags }, index) => {
    const shown = tags.map((tag) => paint(tag)).join(", ");
    return line(index === 0 ? "Images:" : "", shown === "" ? image : `${image} (${shown})`);
  });
}
