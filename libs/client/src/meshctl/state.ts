import type { Style } from "./output.ts";
import type { Cell } from "./table.ts";

const STYLES: Readonly<Record<string, Style>> = {
  succeeded: "green",
  resolved: "green",
  ok: "green",
  failed: "red",
  active: "red",
  critical: "red",
  exhausted: "red",
  running: "cyan",
  dispatched: "cyan",
  approved: "green",
  rejected: "red",
  waiting: "yellow",
  compensating: "yellow",
  in_doubt: "yellow",
  expired: "red",
  warn: "yellow",
  acknowledged: "yellow",
  pending: "dim",
  skipped: "dim",
  cancelled: "dim",
  suppressed: "dim",
};

/** `RUN_STATE_SUCCEEDED` as people say it: `succeeded`. */
export function stateName(value: string): string {
  return value.replace(/^([A-Z]+_)?STATE_/, "").toLowerCase();
}

/** A state in its colour. */
export function stateCell(value: string): Cell {
  const text = stateName(value);
  const style = STYLES[text];
  return style ? { text, style } : text;
}
