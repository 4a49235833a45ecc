import type { Output, Style } from "./output.ts";
import { oneLine, printable } from "./printable.ts";

/** A text, or one with a style; widths are counted before it is painted. */
export type Cell =
  | string
  | {
      readonly text: string;
      readonly style: Style;
      /** A drawing: its spaces stay. */
      readonly spaces?: boolean;
    };

/** A heading; `>` in front of it aligns the column to the right. */
export type Heading = string;

const GAP = "  ";

/**
 * Prints rows under headings. Columns are as wide as they need to be; on a terminal the last one is cut to what is left.
 *
 * @param empty what to say when there is none
 */
export function printTable(
  out: Output,
  headings: readonly Heading[],
  rows: readonly (readonly Cell[])[],
  empty: string,
) {
  if (rows.length === 0) return out.line(out.paint("dim", empty));
  const titles = headings.map((heading) => heading.replace(/^>/, ""));
  const texts = rows.map((row) => row.map(textOf));
  const widths = titles.map((title, column) => Math.max(title.length, ...texts.map((row) => lengthOf(row[column]))));
  fit(widths, out.columns);
  const render = (row: readonly string[], styleOf: (column: number) => Style | undefined) => {
    const cells = row.map((text, column) => {
      const width = widths[column] ?? 0;
      const padded = align(clip(text, width), width, headings[column]?.startsWith(">") ?? false);
      const style = styleOf(column);
      return style ? out.paint(style, padded) : padded;
    });
    return cells.join(GAP).trimEnd();
  };
  out.line(render(titles, () => "dim"));
  for (const [index, row] of rows.entries()) {
    const styleOf = (column: number) => {
      const cell = row[column];
      return typeof cell === "object" ? cell.style : undefined;
    };
    out.line(render(texts[index] ?? [], styleOf));
  }
}

function textOf(cell: Cell): string {
  if (typeof cell === "string") return oneLine(cell);
  return cell.spaces ? printable(cell.text) : oneLine(cell.text);
}

/** Prints `name  value` lines; empty values are left out, further lines of a value stand beneath it. */
export function printFields(out: Output, fields: readonly (readonly [string, Cell])[]): void {
  const shown = fields.filter(([, cell]) => (typeof cell === "string" ? cell : cell.text) !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, cell] of shown) {
    const text = oneLine(typeof cell === "string" ? cell : cell.text);
    const value = typeof cell === "string" ? text : out.paint(cell.style, text);
    out.line(`${out.paint("dim", name.padEnd(width))}${GAP}${value}`);
  }
}

/** The least that is worth showing of a last column. */
const MIN_LAST = 12;

function fit(widths: number[], columns: number | undefined): void {
  const last = widths.at(-1);
  if (columns === undefined || last === undefined) return;
  const others = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  widths[widths.length - 1] = Math.min(last, Math.max(MIN_LAST, columns - others));
}

function clip(text: string, width: number): string {
  return lengthOf(text) > width ? `${[...text].slice(0, width - 1).join("")}…` : text;
}

function align(text: string, width: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, width - lengthOf(text)));
  return right ? space + text : text + space;
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : [...text].length;
}
