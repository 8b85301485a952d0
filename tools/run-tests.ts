import { spawn, spawnSync } from "node:child_process";
import { glob } from "node:fs/promises";
import path from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

/**
 * The project's test command: installs what a new machine lacks, runs the checks, then every test file.
 * Ends with the line `N passed, N failed`. Arguments are path filters: `npm test -- kruise` runs the files whose path
 * contains "kruise", without the checks.
 */

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));

/** Programs that tests start, and the Debian package that brings each. */
const tools = [
  { program: "kubectl", debianPackage: "kubectl", elsewhere: "https://kubernetes.io/docs/tasks/tools/" },
  {
    program: "chromium",
    debianPackage: "chromium",
    elsewhere: "https://www.chromium.org/getting-involved/download-chromium/",
  },
  { program: "prometheus", debianPackage: "prometheus", elsewhere: "https://prometheus.io/download/" },
];

/** One test file must end within this time; a hanging one is reported instead of holding the run for ever. */
const FILE_TIMEOUT_MS = 300_000;

const checks = [
  { name: "types (tsc --noEmit)", script: "node_modules/typescript/bin/tsc", args: ["--noEmit"] },
  { name: "format and lint (biome)", script: "node_modules/@biomejs/biome/bin/biome", args: ["check", "."] },
  { name: "imports point down (tools/check-imports.ts)", script: "tools/check-imports.ts", args: [] },
];

function has(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

function installTools(): string[] {
  const missing = tools.filter(({ program }) => !has(program));
  if (missing.length > 0 && has("apt-get") && process.getuid?.() === 0) {
    aptGet("update", "-q");
    // One by one: a package that this system's sources do not have must not keep the others away.
    for (const { debianPackage } of missing) {
      console.log(`installing ${debianPackage} (apt-get) ...`);
      aptGet("install", "-y", "-q", "--no-install-recommends", debianPackage);
    }
  }
  return missing
    .filter(({ program }) => !has(program))
    .map(({ program, elsewhere }) => `${program} is not on PATH and could not be installed; see ${elsewhere}`);
}

function aptGet(...args: string[]): void {
  spawnSync("apt-get", args, { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
}

function runCheck(script: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(root, script), ...args], { cwd: root, stdio: "inherit" });
    child.on("exit", (code) => resolve(code === 0));
  });
}

async function testFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob("{src,apps,tools,test,bench}/**/*.test.ts", { cwd: root })) {
    if (filters.length === 0 || filters.some((filter) => file.includes(filter))) files.push(path.join(root, file));
  }
  return files.sort();
}

async function main(): Promise<void> {
  let passed = 0;
  let failed = 0;
  const failures: string[] = [];
  const count = (ok: boolean, name: string) => {
    if (ok) passed++;
    else {
      failed++;
      failures.push(name);
    }
  };

  for (const problem of installTools()) count(false, problem);
  if (filters.length === 0) {
    for (const { name, script, args } of checks) {
      console.log(`check: ${name}`);
      count(await runCheck(script, args), name);
    }
  }

  const files = await testFiles();
  let skipped = 0;
  // Two files at a time: the tests start processes of their own, and the reference machine has two cores.
  const stream = run({
    files,
    concurrency: 2,
    timeout: FILE_TIMEOUT_MS,
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  stream.on("test:pass", ({ name, details, skip, todo }) => {
    if (details.type === "suite" || isFile(name)) return;
    if (skip !== undefined || todo !== undefined) skipped++;
    else count(true, name);
  });
  stream.on("test:fail", ({ name, details, file, todo }) => {
    // A test marked as todo states what is known to be missing, with the reason in its mark.
    if (todo !== undefined) skipped++;
    else if (details.type !== "suite") count(false, `${path.relative(root, file ?? "")}: ${name}`);
  });
  stream.compose(new spec()).pipe(process.stdout);
  await new Promise((resolve) => stream.on("end", resolve));

  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

/** With process isolation each file is itself reported as a test; only what is in it counts. */
function isFile(name: string): boolean {
  return name.endsWith(".test.ts");
}

await main();
