import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";

const SERVER = path.join(import.meta.dirname, "server.js");

/** A server process on an address of its own; its first line says that it listens. */
async function start(ip: string, env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SERVER], {
    env: { PATH: process.env["PATH"] ?? "", POD_IP: ip, PORT: "18080", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout!, "data");
  return child;
}

async function ask(ip: string, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://${ip}:18080/color`, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

const cases = [
  { name: "DM-004 answers its colour as a JSON string", body: "", status: 200 },
  { name: "DM-003 a wish for another colour is ignored", body: '[{"color":"red","return500":100}]', status: 200 },
  {
    name: "DM-005 a wish of 100 always fails, and still tells its colour",
    body: '[{"color":"blue","return500":100}]',
    status: 500,
  },
  { name: "DM-005 a wish of 0 never fails", body: '[{"color":"blue","return500":0}]', status: 200 },
];

test("the colour server", async (context) => {
  const ip = "127.63.0.11";
  const server = await start(ip, { COLOR: "blue" });
  for (const { name, body, status } of cases) {
    await context.test(name, async () => assert.deepEqual(await ask(ip, body), { status, text: '"blue"' }));
  }
  await context.test("DM-003 a body that is no JSON is refused", async () => {
    assert.equal((await ask(ip, "{bad")).status, 500);
  });
  await context.test("DM-001 the page is served at /", async () => {
    const response = await fetch(`http://${ip}:18080/`);
    assert.match(await response.text(), /ARGO ROLLOUTS DEMO/);
  });
  await context.test("DM-007 SIGTERM ends it", async () => {
    server.kill("SIGTERM");
    const [code] = await once(server, "exit");
    assert.equal(code, 0);
  });
});

test("DM-006 a bad image fails in most requests", async () => {
  const ip = "127.63.0.12";
  const server = await start(ip, { COLOR: "red", ERROR_RATE: "15" });
  let failed = 0;
  for (let count = 0; count < 200; count++) if ((await ask(ip, "")).status === 500) failed++;
  server.kill("SIGKILL");
  assert.ok(failed > 120, `${failed} of 200 failed, about 170 expected`);
});
