import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { eventually, get, type RunningFairway, startFairway } from "../support/fairway.ts";

/** The page of the colour service through the gateway, in a real browser. */

/** A tile goes out this long after its answer (DM-011); then every lit one was asked for after the last change. */
const TILE_MS = 4_000;
/** For the change itself to reach the data plane. */
const SETTLE_MS = 1_000;

let cluster: RunningFairway;
let browser: Browser;
let page: Page;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio");
  await apply(COLOURS.map(workload).join("\n---\n"));
  await apply(GATEWAY);
  await setWeights({ blue: 100, yellow: 0 });
  await cluster.kubectlOk("wait", "--for=condition=Available", "deployment", "--all", "--timeout=30s");
  await eventually(
    "the gateway serves the page",
    () => get(`${cluster.instance.gateway}/`),
    ({ status }) => status === 200,
  );
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
});

after(async () => {
  await browser?.close();
  await cluster?.remove();
});

test("DM-011 tiles light up in the colour of the answers", async () => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(`${cluster.instance.gateway}/`);
  const tiles = await eventually("tiles are lit", litTiles, ({ blue }) => blue > 50);
  assert.deepEqual({ ...tiles, blue: 0 }, DARK);
  assert.deepEqual(problems, []);
});

for (const weight of [20, 80]) {
  test(`DM-015 the share of yellow tiles follows a weight of ${weight}`, async () => {
    await setWeights({ blue: 100 - weight, yellow: weight });
    await page.waitForTimeout(TILE_MS + SETTLE_MS);
    const { blue, yellow } = await litTiles();
    const lit = blue + yellow;
    // Four standard errors (MESH-098).
    const share = weight / 100;
    const tolerance = 4 * Math.sqrt((share * (1 - share)) / lit);
    assert.ok(lit > 60, `only ${lit} tiles are lit`);
    assert.ok(Math.abs(yellow / lit - share) < tolerance, `${yellow} of ${lit} tiles are yellow`);
  });
}

test("DM-012 the error slider frames the tiles of its colour, and of no other", async () => {
  const error = page.getByRole("slider", { name: "ERROR" });
  await page.getByRole("button", { name: "yellow" }).click();
  await error.fill("100");
  const isFramed = (tiles: typeof DARK) => tiles.yellow > 30 && tiles.yellowErrors === tiles.yellow;
  const { blue, blueErrors } = await eventually("every yellow tile has a frame", litTiles, isFramed);
  assert.ok(blue > 0 && blueErrors === 0, `${blueErrors} of ${blue} blue tiles have a frame`);
  await error.fill("0");
  const isPlain = (tiles: typeof DARK) => tiles.yellow > 30 && tiles.yellowErrors === 0;
  await eventually("no yellow tile has a frame", litTiles, isPlain);
});

test("DM-013 the chart shows the intervals with both colours", async () => {
  // Text, because it runs in the page.
  const heights = () =>
    page.evaluate<number[]>("[...document.querySelectorAll('.bar:last-child i')].map((part) => part.offsetHeight)");
  await eventually(
    "a bar of two colours",
    heights,
    (found) => found.length === 2 && found.every((height) => height > 5),
  );
});

test("DM-012 the page is stopped and started by its button", async () => {
  await page.getByRole("button", { name: "STOP" }).click();
  await eventually("all tiles are dark", litTiles, ({ blue, yellow }) => blue + yellow === 0);
  await page.getByRole("button", { name: "START" }).click();
  await eventually("tiles are lit again", litTiles, ({ blue, yellow }) => blue + yellow > 20);
});

const DARK = { blue: 0, yellow: 0, blueErrors: 0, yellowErrors: 0 };

/** How many tiles show what at one moment. The expression is text because it runs in the page, whose types are not ours. */
function litTiles(): Promise<typeof DARK> {
  const count = (selector: string) => `document.querySelectorAll(".tile${selector}").length`;
  return page.evaluate(`({
    blue: ${count("[data-color=blue]")},
    yellow: ${count("[data-color=yellow]")},
    blueErrors: ${count(".error[data-color=blue]")},
    yellowErrors: ${count(".error[data-color=yellow]")},
  })`);
}

const COLOURS = ["blue", "yellow"];

async function apply(manifest: string): Promise<void> {
  const { exitCode, stderr } = await cluster.kubectlInput(manifest, "apply", "-f", "-");
  assert.equal(exitCode, 0, stderr);
}

function workload(colour: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${colour}}
spec:
  selector: {matchLabels: {colour: ${colour}}}
  template:
    metadata: {labels: {colour: ${colour}}}
    spec:
      containers:
        - {name: web, image: "argoproj/rollouts-demo:${colour}", ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: ${colour}}
spec:
  selector: {colour: ${colour}}
  ports: [{name: http, port: 80, targetPort: 8080}]`;
}

const GATEWAY = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: colours}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]`;

async function setWeights(weights: Readonly<Record<string, number>>): Promise<void> {
  const route = Object.entries(weights).map(([host, weight]) => ({ destination: { host }, weight }));
  const spec = { gateways: ["colours"], hosts: ["*"], http: [{ name: "primary", route }] };
  const metadata = { name: "colours" };
  await apply(JSON.stringify({ apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec }));
}
