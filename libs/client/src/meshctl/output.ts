import { styleText } from "node:util";
import type { Settings } from "./config.ts";
import { printable } from "./printable.ts";

export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Standard output is for the answer alone; what is said along the way goes to standard error. */
export type Output = {
  /** Whether programs read along: `--json`. */
  json: boolean;
  /** How wide a line may be; undefined when nobody looks at a terminal. */
  readonly columns: number | undefined;
  /** A line of the answer. */
  line(text?: string): void;
  /** A piece of the answer as it comes, without a line end. */
  write(text: string): void;
  /** A word along the way, for people only. */
  note(text: string): void;
  paint(style: Style, text: string): string;
  /** The whole answer: one JSON document for programs, or what `print` prints for people. */
  answer(json: unknown, print: () => void): void;
  /** One of a stream of answers: a JSON line for programs, or what `print` prints for people. */
  each(json: unknown, print: () => void): void;
};

export function openOutput(settings: Pick<Settings, "colour">): Output {
  const output: Output = {
    json: false,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    line: (text = "") => void process.stdout.write(`${printable(text)}\n`),
    write: (text) => void process.stdout.write(printable(text)),
    note(text) {
      if (!output.json) process.stderr.write(`${printable(text)}\n`);
    },
    paint: (style, text) => (settings.colour && text ? styleText(style, text, { validateStream: false }) : text),
    answer(json, print) {
      if (output.json) output.line(JSON.stringify(json, undefined, 2));
      else print();
    },
    each(json, print) {
      if (output.json) output.line(JSON.stringify(json));
      else print();
    },
  };
  return output;
}
