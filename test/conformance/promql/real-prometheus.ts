import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** A real Prometheus on loopback with a data directory of its own, which scrapes one text once. */

export const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0;

/** It opens its store and makes its first scrape within a second; a loaded machine needs more. */
const READY_TIMEOUT_MS = 30_000;

export interface RealPrometheus {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** `exposition` carries timestamps, so each answer but the first is empty. Resolves when the samples can be queried. */
export async function startPrometheus(exposition: string, isLoaded: string): Promise<RealPrometheus> {
  let isServed = false;
  const target = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(isServed ? "" : exposition);
    isServed = true;
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const { port } = target.address() as AddressInfo;
  const scrape = `{job_name: exposition, honor_labels: true, static_configs: [{targets: ["127.0.0.1:${port}"]}]}`;
  const closeTarget = () => new Promise((resolve) => target.close(resolve));
  try {
    const prometheus = await launchPrometheus(scrape, isLoaded);
    const stop = async () => {
      await prometheus.stop();
      await closeTarget();
    };
    return { url: prometheus.url, stop };
  } catch (error) {
    await closeTarget();
    throw error;
  }
}

/** With one scrape configuration; resolves when `isLoaded` selects something. */
export async function launchPrometheus(scrape: string, isLoaded: string): Promise<RealPrometheus> {
  const directory = await mkdtemp(path.join(tmpdir(), "fairway-prometheus-"));
  const port = await freePort();
  const config = path.join(directory, "prometheus.yml");
  await writeFile(config, `global: {scrape_interval: 1s, evaluation_interval: 1m}\nscrape_configs:\n- ${scrape}\n`);
  const child = spawn(
    "prometheus",
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-remote-write-receiver",
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilLoaded(url, isLoaded);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

async function freePort(): Promise<number> {
  const socket = createSocket();
  await new Promise<void>((resolve) => socket.listen(0, "127.0.0.1", resolve));
  const { port } = socket.address() as AddressInfo;
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

async function untilLoaded(url: string, query: string): Promise<void> {
  const endsAt = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
      const { data } = (await response.json()) as { data?: { result?: unknown[] } };
      if ((data?.result?.length ?? 0) > 0) return;
    } catch {
      // Not listening yet.
    }
    if (Date.now() > endsAt) throw new Error(`Prometheus at ${url} has no samples after ${READY_TIMEOUT_MS} ms`);
    await wait(50);
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

export interface WrittenSeries {
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** null: a staleness marker, which no exposition can carry. */
  readonly samples: readonly { readonly time: number; readonly value: number | null }[];
}

/** The bits by which Prometheus knows a staleness marker from other NaNs. */
const STALE_NAN = 0x7ff0000000000002n;

/** Sends series by the remote write protocol: a protobuf WriteRequest in a snappy block. */
export async function remoteWrite(url: string, series: readonly WrittenSeries[]): Promise<void> {
  const request = Buffer.concat(series.map((one) => field(1, encodeSeries(one))));
  const response = await fetch(`${url}/api/v1/write`, {
    method: "POST",
    headers: {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
    },
    body: new Uint8Array(snappyLiteral(request)),
  });
  if (!response.ok) throw new Error(`remote write: ${response.status} ${await response.text()}`);
}

function encodeSeries({ labels, samples }: WrittenSeries): Buffer {
  const encodedLabels = labels.map(([name, value]) =>
    field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))])),
  );
  const encodedSamples = samples.map(({ time, value }) => {
    const bits = Buffer.alloc(9);
    bits[0] = (1 << 3) | 1;
    if (value === null) bits.writeBigUInt64LE(STALE_NAN, 1);
    else bits.writeDoubleLE(value, 1);
    return field(2, Buffer.concat([bits, Buffer.from([2 << 3]), varint(time)]));
  });
  return Buffer.concat([...encodedLabels, ...encodedSamples]);
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(content.length), content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** Snappy without compression: the length, then one literal with a 4-byte length. */
function snappyLiteral(content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = 63 << 2;
  head.writeUInt32LE(content.length - 1, 1);
  return Buffer.concat([varint(content.length), head, content]);
}
