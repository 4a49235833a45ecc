import type { Run, Step } from "@agentmesh/proto/orchestrator";
import { drawGraph } from "./draw-graph.ts";
import { usd } from "./money.ts";
import type { Output } from "./output.ts";
import { stateCell } from "./state.ts";
import { afterOf, isUndo, labelOf, markOf, noteOf } from "./step-text.ts";
import { type Cell, printTable } from "./table.ts";
import { took } from "./time.ts";

const HEADINGS = ["STEP", "STATE", ">TRIES", ">TOOK", ">COST", "WHEN", "NOTE"];

/** The steps of a run as a picture of their order, with how each is; what was undone stands beneath. */
export function printSteps(out: Output, run: Run, now: Date): void {
  const forward = run.steps.filter((step) => !isUndo(step));
  const undone = run.steps.filter(isUndo).toSorted((a, b) => startOf(a) - startOf(b));
  const span = spanOf(run, now);
  const rows = [...pictured(forward), ...undone.map((step) => ({ first: `↩ ${labelOf(step)}`, step }))];
  const cells = rows.map(({ first, step }): Cell[] => {
    const name = { text: first, style: styleOf(step), spaces: true };
    return step ? [name, ...cellsOf(step, span, now)] : [name];
  });
  printTable(out, HEADINGS, cells, "no steps yet");
}

type Row = { readonly first: string; readonly step: Step | undefined };

function pictured(steps: readonly Step[]): Row[] {
  const nodes = steps.map((step) => ({ id: step.node, after: afterOf(step), mark: markOf(step) }));
  const rows = drawGraph(nodes);
  if (!rows) return steps.map((step) => ({ first: `${markOf(step)} ${step.node}`, step }));
  const byNode = new Map(steps.map((step) => [step.node, step]));
  return rows.map(({ rails, id }) => {
    const step = id === undefined ? undefined : byNode.get(id);
    return { first: step ? `${rails} ${step.node}` : rails, step };
  });
}

function cellsOf(step: Step, span: Span, now: Date): Cell[] {
  const note = noteOf(step);
  return [
    stateCell(step.state),
    step.startedAt || step.epoch > 0 ? String(step.attempt) : "",
    took(step.startedAt, step.endedAt, now),
    step.costNanoUsd > 0n ? usd(step.costNanoUsd) : "",
    bar(step, span, now),
    { text: note, style: step.failure ? "red" : "dim" },
  ];
}

function styleOf(step: Step | undefined): "bold" | "dim" {
  return step ? "bold" : "dim";
}

function startOf({ startedAt }: Step): number {
  return startedAt?.getTime() ?? Number.POSITIVE_INFINITY;
}

type Span = { readonly fromMs: number; readonly lengthMs: number };

function spanOf(run: Run, now: Date): Span {
  const fromMs = run.createdAt?.getTime() ?? 0;
  return { fromMs, lengthMs: Math.max(1, (run.endedAt ?? now).getTime() - fromMs) };
}

const BAR = 20;

/** Where in the run's time a step ran. */
function bar(step: Step, { fromMs, lengthMs }: Span, now: Date): Cell {
  if (!step.startedAt) return "";
  const place = (at: Date) => Math.min(BAR, Math.max(0, ((at.getTime() - fromMs) / lengthMs) * BAR));
  const begin = Math.min(BAR - 1, Math.floor(place(step.startedAt)));
  const end = Math.max(begin + 1, Math.round(place(step.endedAt ?? now)));
  // Not a space, so that the table keeps the offset.
  return { text: `${"·".repeat(begin)}${"█".repeat(end - begin)}${"·".repeat(BAR - end)}`, style: "cyan" };
}
