import {
  type CreateNodeOptions,
  type DocumentOptions,
  type SchemaOptions,
  stringify,
  type ToStringOptions,
} from "yaml";
import { printable } from "./printable.ts";

type Options = DocumentOptions & SchemaOptions & CreateNodeOptions & ToStringOptions;

// Texts of several lines stand as they are; nothing is folded, so that what is printed can be searched and applied.
const STYLE: Options = { lineWidth: 0, blockQuote: "literal", aliasDuplicateObjects: false };

/** A value as YAML for reading, keys as they come or sorted, without a line end. */
export function yamlText(value: unknown, options: { sorted?: boolean } = {}): string {
  return printable(stringify(value, { ...STYLE, sortMapEntries: options.sorted ?? false })).trimEnd();
}

export function indent(text: string, by = "  "): string {
  return text.replace(/^(?=.)/gm, by);
}

/** The first lines of a text; what is left out is said. */
export function firstLines(text: string, most = 40): string {
  const lines = text.split("\n");
  if (lines.length <= most) return text;
  return [...lines.slice(0, most - 1), `… ${lines.length - most + 1} more lines; --json prints all`].join("\n");
}
