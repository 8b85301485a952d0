import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import type { Finding, Level } from "../lint/finding.ts";
import { fix, lint, renderEdit } from "../lint/lint.ts";
import { UsageError } from "./errors.ts";
import { type ManifestFile, readManifests, systemReason } from "./manifest-files.ts";
import { type Paint, paint } from "./terminal.ts";

interface LintOptions {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly fix?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

export function lintCommand(): Command {
  return new Command("lint")
    .description("report mistakes in manifests, with file and line (exit code 1 when one is an error)")
    .requiredOption(
      "-f, --filename <path...>",
      "files or directories of manifests that are applied together; - is standard input",
    )
    .option("-R, --recursive", "take the manifests of directories below as well")
    .option("--fix", "mend what can be mended and show the difference")
    .option("--output <dir>", "with --fix: write the mended files there instead of in place")
    .option("--json", "print the findings as a JSON array")
    .action((options: LintOptions) => {
      const isRecursive = options.recursive ?? false;
      const sources = options.filename.flatMap((name) => readManifests(name, { isRecursive }));
      if (options.fix) requireTargets(sources, options);
      const findings = lint(sources);
      if (options.json)
        console.log(JSON.stringify(findings.map(({ edit, ...finding }) => ({ ...finding, fixable: !!edit }))));
      else print(findings, paint(process.stdout, process.env));
      if (options.fix) mend(sources, findings, options);
      const left = options.fix ? findings.filter(({ edit }) => !edit) : findings;
      if (!options.json) console.log(summary(left, findings.length - left.length));
      if (left.some(({ level }) => level === "error")) process.exitCode = 1;
    });
}

function print(findings: readonly Finding[], colours: Paint): void {
  const paintLevel: Record<Level, (text: string) => string> = {
    error: colours.red,
    warning: colours.bold,
    info: colours.dim,
  };
  for (const { file, line, level, code, message, edit } of findings) {
    console.log(
      `${file}:${line}: ${paintLevel[level](level)} ${code} ${message}${edit ? colours.dim(" [--fix]") : ""}`,
    );
  }
}

/** `2 errors, 1 warning, 7 notes`, of what is left after mending. */
function summary(left: readonly Finding[], mendedCount: number): string {
  const count = (level: Level, noun: string) => {
    const amount = left.filter((finding) => finding.level === level).length;
    return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
  };
  const counts = [count("error", "error"), count("warning", "warning"), count("info", "note")].join(", ");
  return mendedCount === 0 ? counts : `\n${mendedCount} mended; left: ${counts}`;
}

/** Before anything is written: each file needs a place of its own, and standard input has none. */
function requireTargets(sources: readonly ManifestFile[], { output }: LintOptions): void {
  const taken = new Map<string, string>();
  for (const source of sources) {
    if (!output && source.file === "STDIN") throw new UsageError("--fix of standard input needs --output DIR");
    const other = output && taken.get(source.relative);
    if (other) throw new UsageError(`${other} and ${source.file} would both become ${targetOf(source, output)}`);
    taken.set(source.relative, source.file);
  }
}

function targetOf(source: ManifestFile, output: string | undefined): string {
  return output ? path.join(output, source.relative) : source.file;
}

function mend(sources: readonly ManifestFile[], findings: readonly Finding[], { output, json }: LintOptions): void {
  for (const source of sources) {
    const mended = fix(source, findings);
    const target = targetOf(source, output);
    try {
      if (output) mkdirSync(path.dirname(target), { recursive: true });
      if (output || mended !== source.text) writeFileSync(target, mended);
    } catch (error) {
      throw new UsageError(`cannot write ${target}: ${systemReason(error)}; choose another place with --output DIR`);
    }
    if (json || mended === source.text) continue;
    console.log(`\n--- ${source.file}\n+++ ${target}`);
    for (const finding of findings) {
      if (finding.file === source.file && finding.edit) console.log(renderEdit(source, finding));
    }
  }
}
