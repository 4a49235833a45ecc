import { parseArgs } from "node:util";
import type { Command } from "./command.ts";
import { didYouMean } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

export type OptionSpec = {
  /** What stands for its value in help; without one the option is a flag. */
  readonly value?: string;
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly about: string;
};

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What a command was called with; names of options are those of its spec. */
export type Args = {
  /** What is not an option, in order. */
  readonly words: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  /** A whole number from `min` on, default 1. @throws UsageError */
  number(name: string, min?: number): number | undefined;
  /** One of `choices`. @throws UsageError */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined;
};

/** Options of every command. */
export const globalOptions: OptionSpecs = {
  json: { about: "JSON on standard output instead of text for people" },
  profile: { value: "NAME", about: "Which mesh, of those that `profile list` shows" },
  help: { short: "h", about: "Say how the command is used" },
};

/** @throws UsageError naming the argument and what the command takes */
export function readArgs(command: Command, given: readonly string[]): Args {
  const specs = { ...command.options, ...globalOptions };
  const { values, positionals } = parse(specs, given);
  const { min, max } = command.words ?? { min: 0, max: 0 };
  if (!values.help) checkWords(command, positionals, min, max);
  const list = (name: string) => [values[name] ?? []].flat().filter((value) => typeof value === "string");
  const text = (name: string) => list(name).at(-1);
  return {
    words: positionals,
    flag: (name) => values[name] === true,
    text,
    texts: list,
    number: (name, least = 1) => numberOf(name, text(name), least),
    choice: (name, choices) => choiceOf(name, text(name), choices),
  };
}

type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

function parse(specs: OptionSpecs, given: readonly string[]): { values: Values; positionals: string[] } {
  const entries = Object.entries(specs).map(([name, spec]) => {
    const type: "string" | "boolean" = spec.value === undefined ? "boolean" : "string";
    return [name, { type, multiple: spec.multiple ?? false, ...(spec.short && { short: spec.short }) }] as const;
  });
  try {
    return parseArgs({ args: [...given], options: Object.fromEntries(entries), allowPositionals: true });
  } catch (error) {
    throw new UsageError(explain(error, specs));
  }
}

/** node:util says the same in a way that speaks to programmers. */
function explain(error: unknown, specs: OptionSpecs): string {
  const message = error instanceof Error ? error.message : String(error);
  const name = /'(-[^' ]+)/.exec(message)?.[1] ?? "";
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    const known = Object.keys(specs);
    const near = didYouMean(name.replace(/^-+/, ""), known, "--");
    return `unknown option ${name}.${near || ` There are ${known.map((option) => `--${option}`).join(", ")}.`}`;
  }
  const option = /--([a-z-]+)/.exec(message)?.[1] ?? "";
  const value = specs[option]?.value;
  return value === undefined ? `--${option} takes no value` : `--${option} needs a value: --${option} ${value}`;
}

function checkWords({ usage }: Command, words: readonly string[], min: number, max: number): void {
  const tooMany = words.slice(max);
  if (tooMany.length > 0) throw new UsageError(`${JSON.stringify(tooMany[0])} is one word too many`);
  if (words.length >= min) return;
  const expected = usage[0]?.match(/[A-Z][A-Z/]*/g) ?? [];
  throw new UsageError(`${expected[words.length] ?? "an argument"} is missing`);
}

function numberOf(name: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= min) return value;
  throw new UsageError(`--${name} ${JSON.stringify(text)}: expected a whole number from ${min} on`);
}

function choiceOf<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text.toLowerCase());
  if (found !== undefined) return found;
  const near = didYouMean(text, choices);
  throw new UsageError(`--${name} ${JSON.stringify(text)}: expected one of ${choices.join(", ")}.${near}`);
}
