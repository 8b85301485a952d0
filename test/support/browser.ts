import { spawnSync } from "node:child_process";
import { type Browser, chromium } from "playwright-core";

/** A real browser. Nothing leaves the machine, and no display is needed. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: FLAGS });
}

/** Where the test command has put it, or where the user's system has it. */
function chromiumPath(): string {
  const { stdout } = spawnSync("sh", ["-c", "command -v chromium || command -v chromium-browser"], {
    encoding: "utf8",
  });
  return stdout.trim();
}
