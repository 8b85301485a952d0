/** Columns padded to their widest cell, two blanks between, as Go's tabwriter sets them. Colours take no room. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, shownWidth(cell));
    });
  }
  const padded = (cell: string, column: number) => `${cell}${" ".repeat((widths[column] ?? 0) + 2 - shownWidth(cell))}`;
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : padded(cell, column))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with one.
const COLOR = /\u001b\[[0-9;]*m/g;

/** In characters: none of those that we print takes two columns. */
function shownWidth(cell: string): number {
  return [...cell.replace(COLOR, "")].length;
}
