import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { getSystemErrorMap } from "node:util";
import { Command } from "commander";
import type { Finding, Level } from "../lint/finding.ts";
import { fix, lint, renderEdit, type SourceFile } from "../lint/lint.ts";
import { UsageError } from "./errors.ts";
import { type Paint, paint } from "./terminal.ts";

interface LintOptions {
  readonly filename: readonly string[];
  readonly fix?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

export function lintCommand(): Command {
  return new Command("lint")
    .description("report mistakes in manifests, with file and line (exit code 1 when one is an error)")
    .requiredOption("-f, --filename <path...>", "files or directories of YAML manifests that are applied together")
    .option("--fix", "mend what can be mended and show the difference")
    .option("--output <dir>", "with --fix: write the mended files there instead of in place")
    .option("--json", "print the findings as a JSON array")
    .action((options: LintOptions) => {
      const sources = options.filename.flatMap(readSources);
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

function readSources(name: string): SourceFile[] {
  try {
    if (statSync(name).isDirectory()) {
      const files = readdirSync(name)
        .filter((file) => /\.ya?ml$/.test(file))
        .sort();
      if (files.length === 0) throw new UsageError(`no manifests (*.yaml, *.yml) in directory ${name}`);
      return files.map((file) => readSource(path.join(name, file)));
    }
    return [readSource(name)];
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read ${name}: ${reasonOf(error)}`);
  }
}

function readSource(file: string): SourceFile {
  return { file, text: readFileSync(file, "utf8") };
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

/** The system's words for why a file cannot be used. */
function reasonOf(error: unknown): string {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? String(error) : (getSystemErrorMap().get(errno)?.[1] ?? String(error));
}

function mend(sources: readonly SourceFile[], findings: readonly Finding[], { output, json }: LintOptions): void {
  if (output) mkdirSync(output, { recursive: true });
  for (const source of sources) {
    const mended = fix(source, findings);
    const target = output ? path.join(output, path.basename(source.file)) : source.file;
    try {
      if (output || mended !== source.text) writeFileSync(target, mended);
    } catch (error) {
      throw new UsageError(`cannot write ${target}: ${reasonOf(error)}; choose another place with --output DIR`);
    }
    if (json || mended === source.text) continue;
    console.log(`\n--- ${source.file}\n+++ ${target}`);
    for (const finding of findings) {
      if (finding.file === source.file && finding.edit) console.log(renderEdit(source, finding));
    }
  }
}
