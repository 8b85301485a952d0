import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Checks facts about imports, never taste: they point down the layer list of docs/ARCHITECTURE.md, dialects do not know
 * each other, and only the named files touch clock, randomness, environment and arguments.
 */

/** Top to bottom: a folder may import from itself and from what stands below it. The command line starts the app. */
export const layers = [
  "cli",
  "app",
  "console",
  "lint",
  "packs",
  "dialects",
  "lanes",
  "analysis",
  "traffic",
  "workloads",
  "mesh",
  "routing",
  "cluster",
  "runtime",
  "kube",
  "promql",
  "api",
  "base",
] as const;

/** Pairs that the order alone would allow. Both meet only in `app`. */
const forbidden: readonly (readonly [from: string, to: string, why: string])[] = [
  ["mesh", "cluster", "cluster and mesh meet only in app"],
  ["dialects", "cluster", "a dialect runs on any Kubernetes"],
  ["dialects", "mesh", "a dialect runs on any mesh"],
  ["routing", "cluster", "routing is pure"],
  ["lanes", "cluster", "lanes are pure"],
  ["lanes", "mesh", "lanes are pure"],
];

/** Banned text → the only files that may hold it, and what to use instead. */
const confined: readonly { readonly text: RegExp; readonly allowed: RegExp; readonly use: string }[] = [
  {
    text: /\b(Date\.now\(|setTimeout\(|setInterval\(|performance\.now\()/,
    allowed: /^src\/(base\/clock|app\/|cli\/)/,
    use: "a Clock from base/clock.ts",
  },
  { text: /\bMath\.random\(|\brandomUUID\(/, allowed: /^src\/base\/random/, use: "a Random from base/random.ts" },
  { text: /\bprocess\.(env|argv)\b/, allowed: /^src\/(app|cli)\//, use: "an option passed in from app or cli" },
];

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** `file` is relative to the project, with forward slashes, e.g. `src/mesh/upstream.ts`. */
export function checkFile(file: string, text: string): Finding[] {
  const findings: Finding[] = [];
  const from = layerOf(file);
  text.split("\n").forEach((content, index) => {
    const line = index + 1;
    const specifier =
      /^\s*(?:import|export)\b.*?\bfrom\s+"(\.[^"]+)"/.exec(content)?.[1] ?? /^} from "(\.[^"]+)"/.exec(content)?.[1];
    if (specifier && from) {
      const message = importProblem(file, from, path.posix.join(path.posix.dirname(file), specifier));
      if (message) findings.push({ file, line, message });
    }
    if (/^\s*(\/\/|\*|\/\*)/.test(content)) return;
    for (const { text: banned, allowed, use } of confined) {
      const match = banned.exec(content);
      if (match && !allowed.test(file)) findings.push({ file, line, message: `${match[0]} is confined: use ${use}` });
    }
  });
  return findings;
}

function layerOf(file: string): string | null {
  return /^src\/([^/]+)\//.exec(file)?.[1] ?? null;
}

function importProblem(file: string, from: string, target: string): string | null {
  const to = layerOf(target);
  if (to === null) return `imports ${target}: src imports only src`;
  const fromIndex = layers.indexOf(from as (typeof layers)[number]);
  const toIndex = layers.indexOf(to as (typeof layers)[number]);
  if (fromIndex < 0) return `src/${from} is not in the layer list of tools/check-imports.ts`;
  if (toIndex < fromIndex) return `imports ${target}: ${to} stands above ${from}`;
  for (const [above, below, why] of forbidden) {
    if (from === above && to === below) return `imports ${target}: ${why}`;
  }
  const dialect = /^src\/dialects\/([^/]+)\//.exec(file)?.[1];
  const otherDialect = /^src\/dialects\/([^/]+)\//.exec(target)?.[1];
  if (dialect && otherDialect && dialect !== otherDialect) return `imports ${target}: dialects do not know each other`;
  return null;
}

async function main(): Promise<void> {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const findings: Finding[] = [];
  let count = 0;
  for await (const file of glob("src/**/*.ts", { cwd: root })) {
    if (/\.(test|suite)\.ts$/.test(file) || file.includes("/gen/") || file.includes(".fixture")) continue;
    count++;
    findings.push(...checkFile(file.split(path.sep).join("/"), readFileSync(path.join(root, file), "utf8")));
  }
  for (const { file, line, message } of findings) console.error(`${file}:${line} ${message}`);
  console.log(`imports: ${count} files, ${findings.length} findings`);
  if (findings.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
