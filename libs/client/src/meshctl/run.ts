import { type Args, globalOptions, readArgs } from "./args.ts";
import type { Command, Shell } from "./command.ts";
import { type CommandEntry, commands } from "./commands/index.ts";
import type { Settings } from "./config.ts";
import { exitCodes, reportFailure } from "./explain-error.ts";
import { didYouMean } from "./nearest.ts";
import type { Output } from "./output.ts";
import type { Session } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/** Runs one command line and answers its exit code; failures are said on standard error. */
export async function run(
  given: readonly string[],
  settings: Settings,
  out: Output,
  signal: AbortSignal,
): Promise<number> {
  out.json = given.includes("--json");
  const [name = "help", ...rest] = withCommandFirst(given);
  try {
    const { load, summary } = find(name);
    const command = await load();
    const args = readArgs(command, rest);
    if (args.flag("help")) {
      const { printCommand } = await import("./print-help.ts");
      printCommand(out, settings.program, summary, command);
      return exitCodes.ok;
    }
    const profile = args.text("profile") ?? settings.profile;
    return (await execute(command, args, { ...settings, profile }, out, signal)) ?? exitCodes.ok;
  } catch (error) {
    if (signal.aborted) return exitCodes.failure;
    return reportFailure(error, commands.some((entry) => entry.name === name) ? name : "", settings, out);
  }
}

/** `meshctl --json get agents`, `meshctl --profile prod runs` and `meshctl --help` are understood too. */
function withCommandFirst(given: readonly string[]): readonly string[] {
  const globals = new Map<string, number>(
    Object.entries(globalOptions).flatMap(([name, { short, value }]) => [
      [`--${name}`, value === undefined ? 1 : 2] as const,
      ...(short ? [[`-${short}`, 1] as const] : []),
    ]),
  );
  let index = 0;
  while (index < given.length) {
    const argument = given[index] ?? "";
    const length = globals.get(argument) ?? (globals.has(argument.split("=")[0] ?? "") ? 1 : 0);
    if (length === 0) break;
    index += length;
  }
  const command = given[index];
  if (command === undefined) return given.includes("--json") ? ["help", "--json"] : ["help"];
  if (command === "--version" || command === "-v") return ["version", ...given.slice(0, index)];
  return [command, ...given.slice(0, index), ...given.slice(index + 1)];
}

function find(name: string): CommandEntry {
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry) return entry;
  const near = didYouMean(
    name,
    commands.map((candidate) => candidate.name),
  );
  throw new UsageError(`there is no command ${JSON.stringify(name)}.${near}`);
}

async function execute(command: Command, args: Args, settings: Settings, out: Output, signal: AbortSignal) {
  let opened: Promise<Session> | undefined;
  const shell: Shell = {
    settings,
    out,
    signal,
    async session() {
      // What calls a mesh is loaded when one is called: `help` and mistakes are answered at once.
      opened ??= import("./session.ts").then(({ openSession }) => openSession(settings));
      return opened;
    },
  };
  try {
    return await command.run(shell, args);
  } finally {
    const session = await opened?.catch(() => undefined);
    await session?.[Symbol.asyncDispose]();
  }
}
