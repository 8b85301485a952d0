import type { WrittenSeries } from "./real-prometheus.ts";

/**
 * Half an hour of samples in the shapes that analysis templates ask about: counters with resets, a late start, a gap and
 * an end, gauges with odd values, a classic histogram, an info metric. No sample lies on a whole second, so that no window
 * of a query at .5 s begins on one: there Prometheus 2 (closed windows) and 3 (open to the left) differ.
 */

export const SCRAPE_MS = 15_000;
export const COUNT = 120;

/** The same numbers in every run: a linear congruential generator (Numerical Recipes' constants). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Shape {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The value of the nth scrape; null: not exposed. */
  readonly value: (n: number) => number | null;
}

function counter(seed: number, options: { from?: number; until?: number; resets?: number[]; first?: number } = {}) {
  const random = numbers(seed);
  const { from = 0, until = COUNT, resets = [], first = 1000 } = options;
  let total = first;
  return (n: number) => {
    if (n < from || n >= until) return null;
    if (n > from) total += Math.floor(random() * 40) / 4;
    if (resets.includes(n)) total = Math.floor(random() * 8);
    return total;
  };
}

function gauge(seed: number, scale: number) {
  const random = numbers(seed);
  return () => (random() - 0.3) * scale;
}

function shapes(): Shape[] {
  const list: Shape[] = [];
  const add = (name: string, labels: Record<string, string>, value: Shape["value"]) => {
    // Empty labels keep the scraper from adding its own `job` and `instance`.
    list.push({ name, labels: { job: "", instance: "", ...labels }, value });
  };
  let seed = 1;
  for (const job of ["api", "web"]) {
    for (const instance of ["a:80", "b:80"]) {
      for (const code of ["200", "404", "500"]) {
        const options = {
          ...(job === "api" && instance === "b:80" && { resets: [37, 80] }),
          ...(job === "web" && code === "404" && { from: 70, first: 0 }),
          ...(job === "web" && code === "500" && { until: 95 }),
        };
        add("http_requests_total", { job, instance, code }, counter(seed++, options));
      }
      add("memory_bytes", { job, instance }, gauge(seed++, 4000));
      add("version_info", { job, instance, version: instance === "a:80" ? "v1" : "v2" }, () => 1);
    }
    add("queue_length", { job }, (n) => (n * (job === "api" ? 3 : 7)) % 11);
  }
  for (const reporter of ["source", "destination"]) {
    for (const service of ["canary", "stable"]) {
      for (const code of ["200", "503"]) {
        const destination_service = `istio-rollout-${service}.default.svc.cluster.local`;
        const labels = { reporter, destination_service, response_code: code, empty: "" };
        add("istio_requests_total", labels, counter(seed++, { first: 5000 }));
      }
    }
  }
  for (const job of ["api", "web"]) {
    const bounds = ["5", "10", "25", "50", "100", "+Inf"];
    const random = numbers(seed++);
    const totals = bounds.map(() => 2000);
    let atScrape = -1;
    const advance = (n: number) => {
      if (n === atScrape) return;
      atScrape = n;
      for (let request = 0; request < 20; request++) {
        const bucket = Math.floor(random() * bounds.length);
        for (let index = bucket; index < bounds.length; index++) totals[index]!++;
      }
    };
    bounds.forEach((le, index) => {
      add("duration_milliseconds_bucket", { job, le }, (n) => {
        advance(n);
        return totals[index]!;
      });
    });
    add("duration_milliseconds_count", { job }, (n) => 2000 + 20 * (n + 1));
    add("duration_milliseconds_sum", { job }, (n) => 2000 + 777.25 * (n + 1));
  }
  add("gap_total", { job: "api" }, (n) => (n > 40 && n < 75 ? null : 9000 + 5 * n));
  add("odd", { kind: "nan" }, (n) => (n % 3 === 0 ? Number.NaN : n));
  add("odd", { kind: "inf" }, (n) => (n % 5 === 0 ? Number.POSITIVE_INFINITY : -n));
  add("odd", { kind: "zero" }, () => 0);
  add("odd", { kind: "constant" }, () => 4.25);
  add("odd", { kind: 'quote"back\\line\n' }, (n) => n / 8);
  add("clock_seconds", { zone: "utc" }, (n) => 951_782_399 + n * 43_211);
  return list;
}

function format(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return value === Number.POSITIVE_INFINITY ? "+Inf" : String(value);
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** The text of the target; `start` is a whole minute. */
export function exposition(start: number): string {
  const lines: string[] = [];
  const all = shapes();
  for (let n = 0; n < COUNT; n++) {
    all.forEach(({ name, labels, value }, index) => {
      const now = value(n);
      const time = start + n * SCRAPE_MS + 100 + (index % 7) * 13;
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
      if (now !== null) lines.push(`${name}{${pairs.join(",")}} ${format(now)} ${time}`);
    });
  }
  return `# TYPE http_requests_total counter\n${lines.join("\n")}\n`;
}

/** Series that end in a staleness marker, and one that comes back after it. */
export function vanishing(start: number): WrittenSeries[] {
  const at = (n: number) => start + n * SCRAPE_MS + 333;
  const samples = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => ({ time: at(from + index), value: 100 + 3 * (from + index) }));
  const marker = (n: number) => ({ time: at(n), value: null });
  return [
    {
      labels: [
        ["__name__", "vanishing_total"],
        ["pod", "gone"],
      ],
      samples: [...samples(0, 60), marker(60)],
    },
    {
      labels: [
        ["__name__", "vanishing_total"],
        ["pod", "back"],
      ],
      samples: [...samples(0, 50), marker(50), ...samples(64, COUNT)],
    },
    {
      labels: [
        ["__name__", "vanishing_total"],
        ["pod", "stays"],
      ],
      samples: samples(0, COUNT),
    },
  ];
}
