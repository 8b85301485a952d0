import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { gatewayRoute, standardGateway, to, World, webRule } from "./fixture.ts";

const hosts = (rule: Record<string, unknown>, draw = 0): string[] => {
  const world = new World([standardGateway(), webRule(), gatewayRoute([{ route: [to("web")], ...rule }])]);
  const decision = world.ask({ draw });
  return decision.kind === "forward"
    ? decision.mirrors.map(({ serviceName, subset }) => `${serviceName}/${subset}`)
    : [];
};

const rows: readonly (readonly [name: string, rule: Record<string, unknown>, mirrors: string[]])[] = [
  ["MC-141 a mirror without percentage gets everything", { mirror: { host: "api" } }, ["api/"]],
  ["MC-143 mirrorPercentage 0 gets nothing", { mirror: { host: "api" }, mirrorPercentage: { value: 0 } }, []],
  ["MC-143 an empty mirrorPercentage is 0", { mirror: { host: "api" }, mirrorPercentage: {} }, []],
  ["MESH-155 the deprecated mirrorPercent counts", { mirror: { host: "api" }, mirrorPercent: 0 }, []],
  [
    "MESH-155 several mirrors, each with its percentage",
    {
      mirrors: [
        { destination: { host: "api" } },
        { destination: { host: "web", subset: "canary" }, percentage: { value: 100 } },
        { destination: { host: "empty" }, percentage: { value: 0 } },
      ],
    },
    ["api/", "web/canary"],
  ],
  ["MESH-157 a mirror that is not there is skipped", { mirror: { host: "nowhere" } }, []],
];
for (const [name, rule, mirrors] of rows) test(name, () => assert.deepEqual(hosts(rule), mirrors));

test("MESH-155 mirrors and weights draw independently of each other", () => {
  const world = new World([
    standardGateway(),
    webRule(),
    gatewayRoute([
      {
        route: [to("web", "stable", { weight: 50 }), to("web", "canary", { weight: 50 })],
        mirrors: [
          { destination: { host: "api" }, percentage: { value: 50 } },
          { destination: { host: "web" }, percentage: { value: 50 } },
        ],
      },
    ]),
  ]);
  const random = seededRandom(5);
  const counts = new Map<string, number>();
  const total = 8_000;
  for (let index = 0; index < total; index++) {
    const decision = world.ask({ draw: random.next() });
    assert.equal(decision.kind, "forward");
    if (decision.kind !== "forward") continue;
    const key = [decision.cluster.subset, ...decision.mirrors.map(({ serviceName }) => serviceName)].join(" ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  assert.equal(counts.size, 8);
  for (const [key, count] of counts) assert.ok(Math.abs(count - total / 8) < 150, `${key}: ${count}`);
});
