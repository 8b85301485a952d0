/** Colours only on a terminal, and not where NO_COLOR asks for none (no-color.org). */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

export function paint(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const isColoured = stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  const wrap = (open: number, close: number) => (text: string) =>
    isColoured ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22), green: wrap(32, 39), red: wrap(31, 39), cyan: wrap(36, 39) };
}

/** A line that is rewritten in place while something is awaited; nothing when the output is not a terminal. */
export function progressLine(stream: NodeJS.WriteStream): { show(text: string): void; clear(): void } {
  if (!stream.isTTY) return { show() {}, clear() {} };
  return {
    show: (text) => stream.write(`\r\u001b[2K${text.slice(0, (stream.columns || 80) - 1)}`),
    clear: () => stream.write("\r\u001b[2K"),
  };
}
