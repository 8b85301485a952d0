import type { KubeObject } from "../../../api/meta.ts";
import type { Clock } from "../../../base/clock.ts";
import type { ApiHandler, ServerWatchEvent, ServerWatchHandler, WatchRequest } from "../request.ts";
import type { ResourceDefinition } from "../resource.ts";
import { JSON_TYPE, type Representation } from "./negotiation.ts";
import type { Exchange } from "./responses.ts";
import { AnswerStream } from "./stream.ts";
import { type IncludeObject, renderMetadataOnly, renderTable, renderTableBookmark } from "./table.ts";

export interface WatchAnswerOptions {
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  readonly clock: Clock;
  readonly definition: ResourceDefinition;
}

/** Ends a running watch in order, as at server stop. */
export type EndStream = () => void;

/**
 * Answers a watch as JSON lines (K8S-47). Refusals are thrown before anything is sent. The returned function ends
 * the stream; `onClose` tells that it is over.
 */
export function answerWatch(
  exchange: Exchange,
  api: ApiHandler,
  request: WatchRequest,
  options: WatchAnswerOptions & { readonly onClose: () => void },
): EndStream {
  const renderEvent = eventRenderer(options);
  // What comes while the watch starts is held back: headers go first, and only if the watch is not refused.
  let held: Buffer[] | null = [];
  let stream: AnswerStream | null = null;
  let hasEnded = false;
  const handler: ServerWatchHandler = {
    onEvent(event) {
      const line = renderEvent(event);
      if (held) held.push(line);
      else stream?.write(line, true);
    },
    onEnd(error) {
      if (error) handler.onEvent({ type: "ERROR", object: error.status } as unknown as ServerWatchEvent);
      hasEnded = true;
      stream?.end();
    },
  };
  const handle = api.watch(request, handler);
  const opened = new AnswerStream(exchange.response, options.clock, () => {
    handle.stop();
    options.onClose();
  });
  opened.open({ "content-type": JSON_TYPE });
  for (const line of held) opened.write(line, false);
  held = null;
  stream = opened;
  if (hasEnded) opened.end();
  return () => {
    handle.stop();
    opened.end();
  };
}

type RenderEvent = (event: ServerWatchEvent) => Buffer;

function eventRenderer(options: WatchAnswerOptions): RenderEvent {
  const { form } = options.representation;
  if (form === "table") return tableEventRenderer(options);
  return form === "metadata" ? renderMetadataEvent : renderPlainEvent;
}

/** Column definitions come with the first event alone (K8S-130). Ages are of now, so nothing is shared. */
function tableEventRenderer({ definition, includeObject, clock }: WatchAnswerOptions): RenderEvent {
  let withColumns = true;
  return (event) => {
    if (isStatus(event)) return renderLine(event.type, event.object);
    if (event.type === "BOOKMARK") return renderLine(event.type, renderTableBookmark(event.object));
    const table = renderTable(event.object, definition, { includeObject, now: clock.now(), withColumns });
    withColumns = false;
    return renderLine(event.type, table);
  };
}

const renderPlainEvent: RenderEvent = (event) => sharedLine("object", event, (object) => object);

const renderMetadataEvent: RenderEvent = (event) =>
  isStatus(event) ? renderLine(event.type, event.object) : sharedLine("metadata", event, renderMetadataOnly);

function isStatus(event: ServerWatchEvent): boolean {
  return (event.type as string) === "ERROR";
}

function renderLine(type: string, object: object): Buffer {
  return Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`, "utf8");
}

/** Watchers hear of an event one after another, so a short memory lets them all share its bytes (K8S-132). */
const SHARED_LINES_MAX = 64;
const sharedLines = new Map<KubeObject, Map<string, Buffer>>();

function sharedLine(form: string, event: ServerWatchEvent, render: (object: KubeObject) => object): Buffer {
  let lines = sharedLines.get(event.object);
  if (!lines) {
    lines = new Map();
    sharedLines.set(event.object, lines);
    if (sharedLines.size > SHARED_LINES_MAX) sharedLines.delete(sharedLines.keys().next().value!);
  }
  const key = `${form} ${event.type}`;
  let line = lines.get(key);
  if (!line) {
    line = renderLine(event.type, render(event.object));
    lines.set(key, line);
  }
  return line;
}
