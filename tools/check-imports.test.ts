import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFile } from "./check-imports.ts";

const cases = [
  { name: "down is fine", file: "src/mesh/a.ts", text: 'import { x } from "../routing/x.ts";', message: null },
  { name: "beside is fine", file: "src/mesh/a.ts", text: 'import { x } from "./x.ts";', message: null },
  {
    name: "up is refused",
    file: "src/routing/a.ts",
    text: 'import { x } from "../mesh/x.ts";',
    message: /stands above/,
  },
  {
    name: "the tail of a long import counts",
    file: "src/base/a.ts",
    text: 'import {\n  x,\n} from "../kube/x.ts";',
    message: /stands above/,
  },
  {
    name: "mesh never imports cluster",
    file: "src/mesh/a.ts",
    text: 'import { x } from "../cluster/x.ts";',
    message: /only in app/,
  },
  {
    name: "dialects do not know each other",
    file: "src/dialects/asm/a.ts",
    text: 'import { x } from "../kruise/x.ts";',
    message: /do not know each other/,
  },
  { name: "the clock is confined", file: "src/mesh/a.ts", text: "const now = Date.now();", message: /Clock/ },
  { name: "a comment may name it", file: "src/mesh/a.ts", text: "// Date.now() would be wrong here", message: null },
  { name: "base/clock.ts may use it", file: "src/base/clock.ts", text: "now: () => Date.now(),", message: null },
];

for (const { name, file, text, message } of cases) {
  test(`checkFile: ${name}`, () => {
    const findings = checkFile(file, text);
    if (message === null) assert.deepEqual(findings, []);
    else assert.match(findings[0]?.message ?? "no finding", message);
  });
}
