import type { Command } from "../command.ts";
import { didYouMean } from "../nearest.ts";
import { printCommand, section } from "../print-help.ts";
import { UsageError } from "../usage-error.ts";
import { commandGroups, commands } from "./index.ts";

export const help: Command = {
  usage: ["help [COMMAND]"],
  words: { min: 0, max: 1 },
  async run({ out, settings }, { words: [name] }) {
    if (name === undefined) {
      out.answer(
        commands.map(({ name, takes, summary }) => ({ name, takes, summary })),
        () => printAll(),
      );
      return 0;
    }
    const entry = commands.find((candidate) => candidate.name === name);
    if (!entry) {
      const names = commands.map((candidate) => candidate.name);
      throw new UsageError(`there is no command ${JSON.stringify(name)}.${didYouMean(name, names)}`);
    }
    const command = await entry.load();
    const { usage, about, options, examples } = command;
    out.answer({ name, summary: entry.summary, usage, about, options, examples }, () =>
      printCommand(out, settings.program, entry.summary, command),
    );
    return 0;

    function printAll(): void {
      out.line(`The command line of an agentmesh.\n`);
      section(out, "Usage", [`${settings.program} COMMAND [--profile NAME] [--json]`]);
      const width = Math.max(...commands.map((entry) => `${entry.name} ${entry.takes}`.length));
      for (const { title, commands } of commandGroups) {
        out.line();
        section(
          out,
          title,
          commands.map((entry) => `${`${entry.name} ${entry.takes}`.padEnd(width)}  ${entry.summary}`),
        );
      }
      out.line(`\n${settings.program} help COMMAND says more. --json prints JSON for programs.`);
      out.line("Exit codes: 0 ok, 1 failure or a no, 2 wrong usage, 3 not signed in or not allowed, 130 Ctrl-C.");
    }
  },
};
