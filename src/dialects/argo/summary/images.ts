import { compareTexts } from "./order.ts";
import type { ReplicaSetSummary, RoleTag } from "./replica-set.ts";

/** An image that runs, and the parts that it plays. */
export interface ImageSummary {
  readonly image: string;
  readonly tags: readonly string[];
}

/** The order of one ReplicaSet's tags beside an image; in the tree it is another (CL-013). */
const tagOrder: readonly RoleTag[] = ["canary", "stable", "active", "preview", "ping", "pong"];

/** Of every ReplicaSet that has pods, sorted by image. */
export function summariseImages(
  ofRelease: readonly ReplicaSetSummary[],
  ofExperiments: readonly ReplicaSetSummary[],
): ImageSummary[] {
  const tagsOf = new Map<string, readonly string[]>();
  const add = ({ replicas, images }: ReplicaSetSummary, tags: readonly string[]) => {
    if (replicas === 0) return;
    for (const image of images) {
      const before = tagsOf.get(image);
      tagsOf.set(image, before ? [...new Set([...before, ...tags])].sort() : tags);
    }
  };
  for (const replicaSet of ofRelease) {
    add(
      replicaSet,
      tagOrder.filter((tag) => replicaSet.tags.includes(tag)),
    );
  }
  for (const replicaSet of ofExperiments) {
    add(replicaSet, replicaSet.template === "" ? [] : [`Σ:${replicaSet.template}`]);
  }
  return [...tagsOf]
    .map(([image, tags]) => ({ image, tags }))
    .sort((left, right) => compareTexts(left.image, right.image));
}
