import { Command } from "commander";
import { analyzeCommand } from "./analyze.ts";
import { demoCommand } from "./demo/command.ts";
import { downCommand } from "./down.ts";
import { envCommand } from "./env.ts";
import { outliveReaders, reportAndExit } from "./errors.ts";
import { explainCommand } from "./explain.ts";
import { lintCommand } from "./lint.ts";
import { loadCommand } from "./load.ts";
import { statusCommand } from "./status.ts";
import { upCommand } from "./up.ts";
import { version } from "./version.ts";

/** `bin/fairway`: one file a verb; each calls `app` or a client and prints. */
const program = new Command("fairway")
  .description("End-to-end canary releases of microservices, on an embedded Kubernetes-compatible cluster")
  .version(version)
  .showHelpAfterError("(fairway --help lists the commands)")
  .addCommand(upCommand())
  .addCommand(downCommand())
  .addCommand(statusCommand())
  .addCommand(envCommand())
  .addCommand(demoCommand())
  .addCommand(explainCommand())
  .addCommand(lintCommand())
  .addCommand(loadCommand())
  .addCommand(analyzeCommand());

outliveReaders();
try {
  await program.parseAsync(process.argv);
} catch (error) {
  reportAndExit(error);
}
