// The process edge: arguments and streams come in, an exit code goes out.
import { readSettings } from "./config.ts";
import { openOutput } from "./output.ts";
import { run } from "./run.ts";

/** What a shell answers for a command that Ctrl-C ended. */
const INTERRUPTED = 130;

const interrupt = new AbortController();
process.once("SIGINT", () => {
  interrupt.abort();
  // A second one ends the process at once; should nobody mind the first, this does.
  setTimeout(() => process.exit(INTERRUPTED), 2_000).unref();
  process.once("SIGINT", () => process.exit(INTERRUPTED));
});
// `meshctl runs | head`: who reads has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

// What a library does that Node will forbid some day is nothing to whoever types a command.
process.noDeprecation = true;

const settings = readSettings();
const code = await run(process.argv.slice(2), settings, openOutput(settings), interrupt.signal);
process.exitCode = interrupt.signal.aborted ? INTERRUPTED : code;
