import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { isRecord } from "../../base/json.ts";

/**
 * Pods are local processes, so an image is a program on this machine: the image table says which (K8S-275). Built-in
 * entries come with the distribution, further ones from a YAML file of the user, which is asked first and read anew at
 * each lookup, so that an added entry helps a pod that already waits for its image.
 */
export interface ImageEntry {
  /** Repository without the tag; `*` stands for any text, `/` included. */
  readonly image: string;
  /** Tag patterns; absent: every tag. */
  readonly tags?: readonly string[];
  /** As an image's ENTRYPOINT: replaced by the container's `command`. */
  readonly command: readonly string[];
  /** As an image's CMD: used when the container gives neither `command` nor `args`. */
  readonly args?: readonly string[];
  readonly directory?: string;
  /** Set over what the pod says: what a real image has built in and a manifest cannot change. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The port when the container names none. */
  readonly port?: number;
  /** Started only once the port accepts connections, so that no request comes earlier (K8S-258). */
  readonly waitForPort?: boolean;
  readonly stopSignal?: NodeJS.Signals;
}

/** What a container runs: `command` and `args` of the pod over ENTRYPOINT and CMD of the image, by Kubernetes' rules. */
export function commandLine(
  { command, args }: { readonly command?: readonly string[]; readonly args?: readonly string[] },
  entry: ImageEntry,
): readonly string[] {
  if (command?.length) return [...command, ...(args ?? [])];
  return [...entry.command, ...(args?.length ? args : (entry.args ?? []))];
}

export interface ImageReference {
  readonly repository: string;
  readonly tag: string;
}

export interface ResolvedImage extends ImageReference {
  readonly entry: ImageEntry;
}

/** What `lookup` answers when there is no program: the waiting reason and a message for a person. */
export interface ImageProblem {
  readonly reason: "InvalidImageName" | "ErrImagePull" | "ErrImageNeverPull";
  readonly message: string;
}

export interface ImageTable {
  lookup(image: string): ResolvedImage | ImageProblem;
}

export interface ImageTableOptions {
  /** The folder of the bundled programs (`apps/`). */
  readonly appsDirectory: string;
  /** The Node.js that runs them. */
  readonly nodePath: string;
  /** The user's entries; need not exist. */
  readonly file: string;
}

export function createImageTable(options: ImageTableOptions): ImageTable {
  const builtIn = builtInImages(options);
  return {
    lookup(image) {
      const reference = parseImage(image);
      if (reference === null) {
        return {
          reason: "InvalidImageName",
          message: `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
        };
      }
      const user = readUserImages(options.file);
      if ("problem" in user) return { reason: "ErrImagePull", message: user.problem };
      const entry = findEntry([...user.entries, ...builtIn], reference);
      if (entry) return { ...reference, entry };
      return {
        reason: "ErrImagePull",
        message:
          `Failed to pull image "${image}": the image table has no program for it; add one to ${options.file}, ` +
          `for example: images: [{image: "${reference.repository}", tags: ["${reference.tag}"], command: [/path/to/program]}]`,
      };
    },
  };
}

/** A program that waits for its end and takes next to no memory. */
const IDLE = ["tail", "-f", "/dev/null"];

/** The images that every cluster knows. */
function builtInImages({ appsDirectory, nodePath }: ImageTableOptions): readonly ImageEntry[] {
  const sample = {
    image: "*go-http-sample",
    command: [nodePath, path.join(appsDirectory, "go-http-sample", "server.js")],
    port: 8000,
    waitForPort: true,
  };
  return [
    { ...sample, tags: ["1.0"] },
    // The document's manifests keep `version: v1` when they move to 2.0, and its output says v2 (SEED-011).
    { ...sample, tags: ["2.0"], environment: { version: "v2" } },
    ...rolloutsDemoImages(nodePath, path.join(appsDirectory, "rollouts-demo", "server.js")),
    // As far as installation manifests know: the controller itself is a part of the control plane.
    { image: "*argoproj/argo-rollouts", command: [nodePath, path.join(appsDirectory, "argo-rollouts", "server.js")] },
    { image: "*busybox", command: [], args: ["sh"] },
    { image: "*alpine", command: [], args: ["sh"] },
    { image: "*curlimages/curl", command: ["curl"] },
    { image: "python", command: [], args: ["python3"] },
    { image: "node", command: [], args: [nodePath] },
    { image: "*pause", command: IDLE },
    // The mesh listens on the pod's address already; its sidecar only has to be there (SE-009).
    { image: "*istio/proxyv2", command: IDLE },
  ];
}

/** argoproj/rollouts-demo: a colour, a colour that fails, a colour that is slow (DM-002). */
function rolloutsDemoImages(nodePath: string, server: string): readonly ImageEntry[] {
  const colours = ["red", "orange", "yellow", "green", "blue", "purple"];
  const image = { image: "*rollouts-demo", command: [nodePath, server], port: 8080, waitForPort: true };
  return colours.flatMap((COLOR) => [
    { ...image, tags: [COLOR], environment: { COLOR } },
    { ...image, tags: [`bad-${COLOR}`], environment: { COLOR, ERROR_RATE: "15" } },
    { ...image, tags: [`slow-${COLOR}`], environment: { COLOR, LATENCY: "2" } },
  ]);
}

/** `registry:5000/team/app:1.2@sha256:…` to repository and tag (default `latest`); null when it is not a reference. */
export function parseImage(image: string): ImageReference | null {
  const match =
    /^((?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9._/-]+?)(?::([\w][\w.-]{0,127}))?(?:@[a-z0-9]+:[0-9a-f]{32,})?$/.exec(
      image,
    );
  return match ? { repository: match[1]!, tag: match[2] ?? "latest" } : null;
}

export function findEntry(entries: readonly ImageEntry[], reference: ImageReference): ImageEntry | null {
  // Docker Hub's official images may be written with or without their full path.
  const repository = reference.repository.replace(/^(docker\.io\/)?library\//, "").replace(/^docker\.io\//, "");
  const matches = ({ image, tags }: ImageEntry) =>
    globMatches(image, repository) && (tags ?? ["*"]).some((pattern) => globMatches(pattern, reference.tag));
  return entries.find(matches) ?? null;
}

function globMatches(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${escaped}$`).test(text);
}

/** What is wrong with the user's file; null when it is right or not there. Every pod would wait for its image. */
export function imageFileProblem(file: string): string | null {
  const read = readUserImages(file);
  return "problem" in read ? read.problem : null;
}

function readUserImages(file: string): { entries: readonly ImageEntry[] } | { problem: string } {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { entries: [] };
    return { problem: `cannot read the image table ${file}: ${(error as Error).message}` };
  }
  return parseImageTable(text, file);
}

/** The user's file: a mapping with a list `images`. Relative directories count from the file's own folder. */
export function parseImageTable(text: string, file: string): { entries: readonly ImageEntry[] } | { problem: string } {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    return { problem: `cannot read the image table ${file}: ${(error as Error).message}` };
  }
  const images = isRecord(document) ? document["images"] : undefined;
  if (!Array.isArray(images)) return { problem: `the image table ${file} has no list "images"` };
  const entries: ImageEntry[] = [];
  for (const [index, value] of images.entries()) {
    const problem = entryProblem(value);
    if (problem) return { problem: `the image table ${file} has a wrong entry: images[${index}]${problem}` };
    const entry = value as ImageEntry;
    const directory = path.resolve(path.dirname(file), entry.directory ?? ".");
    entries.push({ ...entry, directory });
  }
  return { entries };
}

const isText = (value: unknown) => typeof value === "string";
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

const FIELDS: Readonly<Record<keyof ImageEntry, { readonly wanted: string; accepts(value: unknown): boolean }>> = {
  image: { wanted: "a text", accepts: isText },
  tags: { wanted: "a list of texts", accepts: isTexts },
  command: { wanted: "a list of texts", accepts: isTexts },
  args: { wanted: "a list of texts", accepts: isTexts },
  directory: { wanted: "a text", accepts: isText },
  environment: {
    wanted: "a mapping of texts",
    accepts: (value) => isRecord(value) && Object.values(value).every(isText),
  },
  port: { wanted: "a port number", accepts: (value) => Number.isInteger(value) && Number(value) > 0 },
  waitForPort: { wanted: "true or false", accepts: (value) => typeof value === "boolean" },
  stopSignal: {
    wanted: "a signal such as SIGTERM",
    accepts: (value) => isText(value) && /^SIG[A-Z0-9]+$/.test(String(value)),
  },
};

function entryProblem(value: unknown): string | null {
  if (!isRecord(value)) return ": must be a mapping";
  for (const required of ["image", "command"]) if (value[required] === undefined) return `.${required}: is required`;
  for (const [name, member] of Object.entries(value)) {
    const field = FIELDS[name as keyof ImageEntry];
    if (!field) return `.${name}: is not known; known are ${Object.keys(FIELDS).join(", ")}`;
    if (!field.accepts(member)) return `.${name}: must be ${field.wanted}`;
  }
  return null;
}
