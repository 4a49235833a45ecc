import { globalOptions, type OptionSpecs } from "./args.ts";
import type { Command } from "./command.ts";
import type { Output } from "./output.ts";

/** What `help COMMAND` and `COMMAND --help` say. */
export function printCommand(out: Output, program: string, summary: string, command: Command): void {
  out.line(`${summary}.\n`);
  section(
    out,
    "Usage",
    command.usage.map((usage) => `${program} ${usage}`),
  );
  if (command.about) out.line(`\n${command.about}`);
  out.line();
  section(out, "Options", optionLines({ ...command.options, ...globalOptions }));
  if (!command.examples) return;
  out.line();
  section(
    out,
    "Examples",
    command.examples.map((example) => `${program} ${example}`),
  );
}

export function section(out: Output, title: string, lines: readonly string[]): void {
  out.line(out.paint("bold", title));
  for (const line of lines) out.line(`  ${line}`);
}

function optionLines(specs: OptionSpecs): string[] {
  const rows = Object.entries(specs).map(([name, spec]) => {
    const flag = `${spec.short ? `-${spec.short}, ` : ""}--${name}`;
    return [`${flag}${spec.value ? ` ${spec.value}` : ""}${spec.multiple ? " …" : ""}`, spec.about] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}
