import type { KubeObject } from "../../../api/meta.ts";
import type { Clock } from "../../../base/clock.ts";
import { failure } from "../../../kube/errors.ts";
import { type LogLine, type LogRequest, type LogSource, parseLogRequest, renderLogLine } from "./logs.ts";
import { type Exchange, sendText } from "./responses.ts";
import { AnswerStream } from "./stream.ts";
import type { EndStream } from "./watch-endpoint.ts";

export interface LogAnswerOptions {
  readonly source: LogSource | null;
  readonly clock: Clock;
  /** Called with the function that ends the stream once it runs, and with null when it is over. */
  readonly onStream: (end: EndStream | null) => void;
}

/** Answers `pods/N/log` (K8S-265). Refusals are thrown before anything is sent. */
export async function answerLog(exchange: Exchange, pod: KubeObject, options: LogAnswerOptions): Promise<void> {
  const spec = (pod["spec"] ?? {}) as { nodeName?: string };
  if (!spec.nodeName) return sendText(exchange, 204, "");
  const request = parseLogRequest(exchange.query, pod, options.clock.now());
  if (!options.source) throw failure(501, "NotImplemented", "this server has no node whose logs it could read");

  const abort = new AbortController();
  const lines = options.source.open(pod, request.container, request, abort.signal)[Symbol.asyncIterator]();
  const first = request.follow ? null : await lines.next();
  const stream = new AnswerStream(exchange.response, options.clock, () => {
    abort.abort();
    options.onStream(null);
  });
  options.onStream(() => {
    abort.abort();
    stream.end();
  });
  stream.open({ "content-type": "text/plain" });
  try {
    await copyLines(first, lines, stream, request);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  }
  stream.end();
  abort.abort();
}

/** Waits for the reader before it fetches more; `limitBytes` cuts in the middle of a line, as the original does. */
async function copyLines(
  first: IteratorResult<LogLine> | null,
  lines: AsyncIterator<LogLine>,
  stream: AnswerStream,
  { timestamps, limitBytes }: LogRequest,
): Promise<void> {
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  for (let next = first ?? (await lines.next()); !next.done && left > 0; next = await lines.next()) {
    if (stream.isOver) return;
    const bytes = renderLogLine(next.value, timestamps);
    stream.write(bytes.length > left ? bytes.subarray(0, left) : bytes, false);
    left -= bytes.length;
    await stream.drained();
  }
}
