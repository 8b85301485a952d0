import type { KubeObject } from "../../../api/meta.ts";
import { formatTime, type Instant, parseTime } from "../../../base/time.ts";
import { failure } from "../../../kube/errors.ts";

/** One line that a container wrote. */
export interface LogLine {
  readonly time: Instant;
  readonly stream: "stdout" | "stderr";
  /** Without the line end. */
  readonly text: string;
}

export interface LogOptions {
  /** Go on with new lines until the container ends or the signal is aborted. */
  readonly follow: boolean;
  /** The instance before the current one. */
  readonly previous: boolean;
  /** Only lines from this moment on. */
  readonly since: Instant | null;
  /** Start with the last N lines (counted after `since`); null: all that is kept. */
  readonly tailLines: number | null;
  readonly stream: "all" | "stdout" | "stderr";
}

/**
 * Where container logs come from: the node implements it, the wire asks. Selection by time, stream and tail is the
 * source's work, since only it can seek; time stamps and the byte limit are the wire's.
 * Throws (or rejects with) `ApiError` when there is nothing to open.
 */
export interface LogSource {
  open(pod: KubeObject, container: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>;
}

export interface LogRequest extends LogOptions {
  readonly container: string;
  readonly timestamps: boolean;
  readonly limitBytes: number | null;
}

/** The query of `pods/N/log` against the pod's spec and status; throws what kubectl shows (K8S-265). */
export function parseLogRequest(query: URLSearchParams, pod: KubeObject, now: Instant): LogRequest {
  const numbers = readNumbers(query, pod.metadata.name);
  const container = chooseContainer(query.get("container") ?? "", pod);
  const previous = flag(query, "previous");
  requireStarted(pod, container, previous);
  const sinceTime = parseTime(query.get("sinceTime"));
  return {
    container,
    previous,
    follow: flag(query, "follow"),
    timestamps: flag(query, "timestamps"),
    since: numbers.sinceSeconds === null ? sinceTime : now - numbers.sinceSeconds * 1000,
    tailLines: numbers.tailLines,
    limitBytes: numbers.limitBytes,
    stream: readStream(query, pod.metadata.name),
  };
}

/** The bytes of one line on the wire. */
export function renderLogLine(line: LogLine, timestamps: boolean): Buffer {
  return Buffer.from(timestamps ? `${formatNanoTime(line.time)} ${line.text}\n` : `${line.text}\n`, "utf8");
}

/** RFC3339Nano: nine digits; ours are always whole milliseconds. */
function formatNanoTime(instant: Instant): string {
  return `${formatTime(instant).slice(0, -1)}.${String(instant % 1000).padStart(3, "0")}000000Z`;
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== "false" && value !== "0";
}

interface Bound {
  readonly name: "sinceSeconds" | "tailLines" | "limitBytes";
  readonly least: number;
  readonly message: string;
}

const BOUNDS: readonly Bound[] = [
  { name: "sinceSeconds", least: 1, message: "must be greater than 0" },
  { name: "tailLines", least: 0, message: "must be greater than or equal to 0" },
  { name: "limitBytes", least: 1, message: "must be greater than 0" },
];

function readNumbers(query: URLSearchParams, pod: string): Record<Bound["name"], number | null> {
  const numbers: Record<Bound["name"], number | null> = { sinceSeconds: null, tailLines: null, limitBytes: null };
  for (const { name, least, message } of BOUNDS) {
    const text = query.get(name);
    if (text === null || text === "") continue;
    if (!/^-?\d+$/.test(text)) {
      throw failure(400, "BadRequest", `unable to decode query parameter ${name}: "${text}" is not an integer`);
    }
    const value = Number(text);
    if (value < least) throw invalidOption(pod, name, `Invalid value: ${text}: ${message}`, "FieldValueInvalid");
    numbers[name] = value;
  }
  if (numbers.sinceSeconds !== null && query.get("sinceTime")) {
    throw invalidOption(
      pod,
      "sinceSeconds",
      "Forbidden: may not be used together with sinceTime",
      "FieldValueForbidden",
    );
  }
  return numbers;
}

function readStream(query: URLSearchParams, pod: string): LogOptions["stream"] {
  const stream = query.get("stream") ?? "All";
  if (stream === "All" || stream === "Stdout" || stream === "Stderr") {
    return stream.toLowerCase() as LogOptions["stream"];
  }
  const message = `Unsupported value: "${stream}": supported values: "All", "Stdout", "Stderr"`;
  throw invalidOption(pod, "stream", message, "FieldValueNotSupported");
}

function invalidOption(pod: string, field: string, message: string, reason: string) {
  return failure(422, "Invalid", `PodLogOptions "${pod}" is invalid: ${field}: ${message}`, {
    name: pod,
    kind: "PodLogOptions",
    causes: [{ reason, message, field }],
  });
}

interface PodSpecNames {
  containers?: { name: string }[];
  initContainers?: { name: string }[];
  ephemeralContainers?: { name: string }[];
}

function chooseContainer(asked: string, pod: KubeObject): string {
  const spec = (pod["spec"] ?? {}) as PodSpecNames;
  const names = (spec.containers ?? []).map(({ name }) => name);
  const initNames = (spec.initContainers ?? []).map(({ name }) => name);
  const all = [...names, ...initNames, ...(spec.ephemeralContainers ?? []).map(({ name }) => name)];
  const podName = pod.metadata.name;
  if (asked === "") {
    if (names.length === 1 && initNames.length === 0) return names[0]!;
    const annotated = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"];
    if (annotated !== undefined && names.includes(annotated)) return annotated;
    if (names.length === 1) return names[0]!;
    const init = initNames.length > 0 ? ` or one of the init containers: [${initNames.join(" ")}]` : "";
    const choices = `choose one of: [${names.join(" ")}]${init}`;
    throw failure(400, "BadRequest", `a container name must be specified for pod ${podName}, ${choices}`);
  }
  if (!all.includes(asked)) throw failure(400, "BadRequest", `container ${asked} is not valid for pod ${podName}`);
  return asked;
}

interface ContainerStatus {
  name: string;
  state?: { waiting?: { reason?: string }; running?: unknown; terminated?: unknown };
  lastState?: { terminated?: unknown };
}

/** What the status says decides: a container that never ran has no log, and one never restarted no previous log. */
function requireStarted(pod: KubeObject, container: string, previous: boolean): void {
  const name = pod.metadata.name;
  const status = (pod["status"] ?? {}) as Record<string, ContainerStatus[] | undefined>;
  const found = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
    .flatMap((list) => status[list] ?? [])
    .find((candidate) => candidate.name === container);
  const hasPrevious = found?.lastState?.terminated !== undefined;
  if (previous) {
    if (hasPrevious) return;
    throw failure(400, "BadRequest", `previous terminated container "${container}" in pod "${name}" not found`);
  }
  if (found?.state?.running !== undefined || found?.state?.terminated !== undefined || hasPrevious) return;
  const reason = found?.state?.waiting?.reason;
  const suffix = reason ? `: ${reason}` : "";
  throw failure(400, "BadRequest", `container "${container}" in pod "${name}" is waiting to start${suffix}`);
}
