import type { Paint } from "../terminal.ts";
import type { LoadReport } from "./walk.ts";

/** What one step did and saw: printed as it happens for a person, as one JSON object for a script. */
export interface StepReport {
  readonly step: string;
  readonly title: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly commands: readonly { readonly command: string; readonly output: string; readonly exitCode: number }[];
  readonly checks: readonly { readonly check: string; readonly passed: boolean; readonly found: string }[];
  readonly error?: string;
}

export interface Summary {
  readonly passed: boolean;
  readonly stepsPassed: number;
  readonly steps: number;
  readonly requestsSent: number;
  readonly requestsFailed: number;
  readonly statuses: LoadReport["statuses"];
  readonly failures: readonly string[];
  readonly remark: string | null;
  readonly seconds: number;
  readonly kept: string | null;
}

export interface Reporter {
  stepStarted(step: string, title: string): void;
  command(command: string, output: string): void;
  note(text: string): void;
  check(check: string, passed: boolean, found: string): void;
  waiting(what: string, seconds: number): void;
  stepEnded(report: StepReport): void;
  summary(summary: Summary): void;
}

export function jsonReporter(print: (line: string) => void): Reporter {
  return {
    stepStarted() {},
    command() {},
    note() {},
    check() {},
    waiting() {},
    stepEnded: (report) => print(JSON.stringify(report)),
    summary: (summary) => print(JSON.stringify({ summary })),
  };
}

export function textReporter(
  print: (line: string) => void,
  colours: Paint,
  progress: { show(text: string): void; clear(): void },
): Reporter {
  const line = (text: string) => {
    progress.clear();
    print(text);
  };
  const indent = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((row) => `    ${row}`)
      .join("\n");
  return {
    stepStarted: (step, title) => line(`\n${colours.bold(`${step}  ${title}`)}`),
    command(command, output) {
      line(`  ${colours.cyan(`$ ${command}`)}`);
      if (output.trim() !== "") line(indent(output));
    },
    note: (text) => line(`  ${colours.dim(text)}`),
    check(check, passed, found) {
      line(`  ${passed ? colours.green("✔") : colours.red("✘")} ${check}${passed ? "" : `: found ${found}`}`);
    },
    waiting: (what, seconds) => progress.show(`  … waiting for ${what} (${seconds.toFixed(0)} s)`),
    stepEnded(report) {
      if (report.error) line(`  ${colours.red("✘")} ${report.error}`);
      line(colours.dim(`  ${report.seconds.toFixed(1)} s`));
    },
    summary(summary) {
      const verdict = summary.passed ? colours.green("✔ passed") : colours.red("✘ failed");
      line(`\n${colours.bold("Summary")}  ${verdict}`);
      line(`  steps passed     ${summary.stepsPassed} of ${summary.steps}`);
      line(`  requests sent    ${summary.requestsSent}`);
      for (const [tag, counts] of Object.entries(summary.statuses)) {
        const parts = Object.entries(counts).map(([status, count]) => `${count} × ${status}`);
        line(colours.dim(`    ${tag.padEnd(14)} ${parts.join(", ")}`));
      }
      line(`  requests failed  ${summary.requestsFailed}${summary.remark ? `   (${summary.remark})` : ""}`);
      for (const failure of summary.failures) line(`    ${colours.red(failure)}`);
      line(`  seconds          ${summary.seconds.toFixed(1)}`);
      if (summary.kept) line(`\nThe cluster stays up. Use it with:\n  ${summary.kept}`);
    },
  };
}
