/** One benchmark: a name to call it by, what it measures, and how. A skip says why, so that nobody takes it for a result. */
export interface Bench {
  readonly name: string;
  readonly measures: string;
  run(report: Report): Promise<void>;
}

export interface Report {
  line(text: string): void;
  skip(reason: string): void;
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
}

export const consoleReport: Report = {
  line: (text) => console.log(text),
  skip: (reason) => console.log(`skipped: ${reason}`),
  table(header, rows) {
    const widths = header.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
    );
    for (const row of [header, ...rows]) {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
      );
      console.log(`  ${cells.join("  ")}`);
    }
  },
};
