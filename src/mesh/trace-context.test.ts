import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { Bed, type Program, request } from "./test-bed.ts";
import { continueTrace } from "./trace-context.ts";

const T32 = "0af7651916cd43dd8448eb211c80319c";
const T16 = "8448eb211c80319c";
const S = "b7ad6b7169203331";
const NEW = "<new>";
const ANY = "<trace>";

/** The headers of traces after a hop. A span's id that did not come with the request shows as `<new>`. */
function hop(
  headers: Record<string, string>,
  { samplingPercent = 100, kept = [] }: { samplingPercent?: number; kept?: readonly string[] } = {},
): Record<string, string> {
  const list = Object.entries(headers).flat();
  continueTrace(list, { samplingPercent }, { random: seededRandom(3), kept });
  const after = Object.fromEntries(Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!]));
  const given = Object.values(headers).join(" ");
  const { "x-b3-spanid": span = "", "x-b3-traceid": trace = "" } = after;
  const name = (value: string) => {
    const spans = given.includes(span) ? value : value.replaceAll(span, NEW);
    return given.includes(trace.slice(-16)) ? spans : spans.replaceAll(trace, ANY);
  };
  if (!given.includes(span)) assert.match(span, /^[0-9a-f]{16}$/);
  return Object.fromEntries(Object.entries(after).map(([key, value]) => [key, name(value)]));
}

const sampledMultiple = { "x-b3-traceid": T16, "x-b3-spanid": S, "x-b3-sampled": "1" };
const parent = `00-${T32}-${S}-01`;
const fresh = {
  "x-b3-traceid": ANY,
  "x-b3-spanid": NEW,
  "x-b3-sampled": "1",
  traceparent: `00-${ANY}-${NEW}-01`,
};
const continued32 = {
  "x-b3-traceid": T32,
  "x-b3-spanid": NEW,
  "x-b3-parentspanid": S,
  "x-b3-sampled": "1",
  traceparent: `00-${T32}-${NEW}-01`,
};

const cases: readonly [
  name: string,
  given: Record<string, string>,
  expected: Record<string, string>,
  options?: { samplingPercent?: number; kept?: readonly string[] },
][] = [
  ["MESH-290 no headers: a trace begins", {}, fresh],
  [
    "MESH-421 nobody decided, and the share is 0: a trace that nobody records",
    {},
    { ...fresh, "x-b3-sampled": "0", traceparent: `00-${ANY}-${NEW}-00` },
    { samplingPercent: 0 },
  ],
  [
    "MESH-421 a trace is forced",
    { "x-client-trace-id": "me" },
    { "x-client-trace-id": "me", ...fresh },
    { samplingPercent: 0 },
  ],
  [
    "MC-321 the trace goes on, with a span of its own",
    sampledMultiple,
    {
      "x-b3-traceid": T16,
      "x-b3-spanid": NEW,
      "x-b3-sampled": "1",
      "x-b3-parentspanid": S,
      traceparent: `00-${"0".repeat(16)}${T16}-${NEW}-01`,
    },
  ],
  ["MC-322 b3: 0 passes on alone", { b3: "0" }, { b3: "0" }],
  ["MC-322 x-b3-sampled: 0 passes on alone", { "x-b3-sampled": "0" }, { "x-b3-sampled": "0" }],
  [
    "MESH-421 an inbound decision counts, whatever the share",
    sampledMultiple,
    hop(sampledMultiple),
    { samplingPercent: 0 },
  ],
  [
    "MESH-424 not to be recorded, but a trace: it goes on so",
    { "x-b3-traceid": T32, "x-b3-spanid": S, "x-b3-sampled": "0" },
    { ...continued32, "x-b3-sampled": "0", traceparent: `00-${T32}-${NEW}-00` },
  ],
  ["MESH-424 a trace without a decision: ours", { "x-b3-traceid": T32, "x-b3-spanid": S }, continued32],
  [
    "MESH-424 debugging",
    { "x-b3-traceid": T32, "x-b3-spanid": S, "x-b3-flags": "1" },
    {
      "x-b3-traceid": T32,
      "x-b3-spanid": NEW,
      "x-b3-flags": "1",
      "x-b3-parentspanid": S,
      traceparent: `00-${T32}-${NEW}-01`,
    },
  ],
  [
    "MESH-424 the single header goes on as one, too",
    { b3: `${T32}-${S}-1` },
    { b3: `${T32}-${NEW}-1-${S}`, ...continued32 },
  ],
  [
    "MESH-424 the single header wins",
    { b3: `${T32}-${S}-1`, ...sampledMultiple },
    { b3: `${T32}-${NEW}-1-${S}`, ...continued32 },
  ],
  [
    "MESH-424 the single header says yes without a trace",
    { b3: "1" },
    { b3: `${ANY}-${NEW}-1`, ...fresh },
    { samplingPercent: 0 },
  ],
  [
    "MESH-425 W3C's goes on, and its state with it",
    { traceparent: parent, tracestate: "a=1" },
    { ...continued32, tracestate: "a=1" },
  ],
  [
    "MESH-425 W3C's, not recorded",
    { traceparent: `00-${T32}-${S}-00` },
    { ...continued32, "x-b3-sampled": "0", traceparent: `00-${T32}-${NEW}-00` },
  ],
  ["MESH-425 fields of a later version go", { traceparent: `01-${T32}-${S}-01-more` }, continued32],
  ["MESH-425 version ff", { traceparent: `ff-${T32}-${S}-01`, tracestate: "a=1" }, fresh],
  ["MESH-425 a trace of zeros", { traceparent: `00-${"0".repeat(32)}-${S}-01` }, fresh],
  ["MESH-425 a span of zeros", { traceparent: `00-${T32}-${"0".repeat(16)}-01` }, fresh],
  ["MESH-425 too short", { traceparent: `00-${T16}-${S}-01` }, fresh],
  ["MESH-425 upper case", { traceparent: parent.toUpperCase() }, fresh],
  ["MESH-424 malformed B3", { "x-b3-traceid": "abc", "x-b3-spanid": S, b3: "x" }, { b3: `${ANY}-${NEW}-1`, ...fresh }],
  [
    "LANE-260 what lanes are found by stays: a traceparent",
    { traceparent: parent },
    { ...continued32, traceparent: parent },
    { kept: ["traceparent"] },
  ],
  [
    "LANE-260 what lanes are found by stays: a trace id that is none",
    { "x-b3-traceid": "abc" },
    { "x-b3-traceid": "abc" },
    { kept: ["x-b3-traceid"] },
  ],
  [
    "LANE-260 a header of lanes that has nothing to do with traces",
    { "my-request-id": "1" },
    { "my-request-id": "1", ...fresh },
    { kept: ["my-request-id"] },
  ],
];

for (const [name, given, expected, options] of cases) {
  test(name, () => assert.deepEqual(hop(given, options), expected));
}

test("MESH-290 each hop has ids of its own", () => {
  const random = seededRandom(1);
  const ids = new Set<string>();
  for (let index = 0; index < 1000; index++) {
    const headers: string[] = [];
    continueTrace(headers, { samplingPercent: 100 }, { random, kept: [] });
    for (const id of [headers[1]!, headers[3]!]) ids.add(id);
  }
  assert.equal(ids.size, 2000);
});

describe("headers of traces, through real sockets", () => {
  let bed: Bed;
  let seen: Record<string, string | string[] | undefined>[];
  beforeEach(() => {
    seen = [];
  });
  afterEach(() => bed.close());

  async function web(tracing: boolean): Promise<void> {
    bed = new Bed(tracing ? { tracing: { samplingPercent: 100 } } : {});
    const program: Program = await bed.serve((req, res) => {
      seen.push(req.headers);
      res.end();
    });
    bed.service("web", [{ name: "s1", port: program.port }]);
    bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
  }

  test("MC-321 from a pod: same trace, new span, the caller's is the parent", async () => {
    await web(true);
    await request(await bed.openPod(), "/", { host: "web", headers: sampledMultiple });
    const [headers] = seen;
    assert.deepEqual(
      [headers!["x-b3-traceid"], headers!["x-b3-parentspanid"], headers!["x-b3-sampled"]],
      [T16, S, "1"],
    );
    assert.match(String(headers!["x-b3-spanid"]), /^[0-9a-f]{16}$/);
    assert.notEqual(headers!["x-b3-spanid"], S);
  });

  test("MC-322 from a pod: b3: 0 is passed on, and no trace begins", async () => {
    await web(true);
    await request(await bed.openPod(), "/", { host: "web", headers: { b3: "0" } });
    assert.deepEqual([seen[0]!["b3"], seen[0]!["x-b3-traceid"], seen[0]!["traceparent"]], ["0", undefined, undefined]);
  });

  test("MESH-290 at the gateway a trace begins", async () => {
    await web(true);
    await request(await bed.openGateway(), "/");
    assert.match(String(seen[0]!["traceparent"]), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  test("MESH-290 without tracing all pass as they came, and none is made", async () => {
    await web(false);
    const port = await bed.openGateway();
    const given = { ...sampledMultiple, b3: "x", traceparent: "y", tracestate: "z" };
    await request(port, "/", { headers: given });
    await request(port, "/");
    for (const [name, value] of Object.entries(given)) {
      assert.deepEqual([seen[0]![name], seen[1]![name]], [value, undefined], name);
    }
  });
});
