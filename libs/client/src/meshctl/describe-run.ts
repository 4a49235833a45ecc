import { isAppError } from "@agentmesh/errors";
import { Run, type Step } from "@agentmesh/proto/orchestrator";
import type { Shell } from "./command.ts";
import { describeAgentRun } from "./describe-agent-run.ts";
import { usd } from "./money.ts";
import type { Output } from "./output.ts";
import { stateCell } from "./state.ts";
import { type Cell, printFields, printTable } from "./table.ts";
import { took, when } from "./time.ts";
import { indent, yamlText } from "./yaml-text.ts";

export async function describeRun(shell: Shell, id: string): Promise<number> {
  const { out } = shell;
  const { mesh } = await shell.session();
  const run = await mesh.orchestrator.getRun({ id }).catch(async (error: unknown) => {
    // Agents that were run by themselves have runs too, at the runner.
    const alone = isNotFound(error) ? await mesh.runner.getAgentRun({ id }).catch(() => undefined) : undefined;
    if (alone === undefined) throw error;
    return alone;
  });
  if ("agent" in run) {
    describeAgentRun(shell, run);
    return 0;
  }
  const { workflow: name, workflowVersion: version } = run;
  // What waits for what stands in the workflow; without it the table says a little less.
  const definition = out.json
    ? undefined
    : await mesh.orchestrator.getResource({ kind: "Workflow", name, version }).catch(() => undefined);
  out.answer(Run.toJSON(run), () => printRun(out, run, dependencies(definition?.spec)));
  return 0;
}

function isNotFound(error: unknown): boolean {
  return isAppError(error) && error.code === "NOT_FOUND";
}

function printRun(out: Output, run: Run, dependsOn: ReadonlyMap<string, readonly string[]>): void {
  const now = new Date();
  printFields(out, [
    ["run", { text: run.id, style: "bold" }],
    ["workflow", `${run.workflow} v${run.workflowVersion}`],
    ["state", stateCell(run.state)],
    ["cancel", run.cancelRequested && !run.endedAt ? "asked for" : ""],
    ["for", run.subject],
    ["origin", run.origin],
    ["dedupe key", run.dedupeKey],
    ["started", when(run.createdAt, now)],
    ["took", took(run.createdAt, run.endedAt, now)],
    ["cost", usd(run.costNanoUsd)],
  ]);
  if (run.failure) out.line(`${out.paint("red", run.failure.code)}: ${run.failure.message}`);
  out.line();
  printSteps(out, run, dependsOn, now);
  section(out, "input", run.input);
  section(out, "output", run.output);
}

function printSteps(out: Output, run: Run, dependsOn: ReadonlyMap<string, readonly string[]>, now: Date): void {
  const order = [...dependsOn.keys()];
  const steps = run.steps.toSorted((a, b) => order.indexOf(a.node) - order.indexOf(b.node));
  const span = spanOf(run, now);
  const rows = steps.map((step): Cell[] => [
    step.node,
    stateCell(step.state),
    step.attempt > 0 ? String(step.attempt) : "",
    took(step.startedAt, step.endedAt, now),
    step.costNanoUsd > 0n ? usd(step.costNanoUsd) : "",
    bar(step, span, now),
    note(step, dependsOn),
  ]);
  printTable(out, ["STEP", "STATE", ">TRIES", ">TOOK", ">COST", "WHEN", "NOTE"], rows, "no steps yet");
}

function note(step: Step, dependsOn: ReadonlyMap<string, readonly string[]>): Cell {
  if (step.failure) return { text: `${step.failure.code}: ${step.failure.message}`, style: "red" };
  const after = dependsOn.get(step.node) ?? [];
  return after.length > 0 ? { text: `after ${after.join(", ")}`, style: "dim" } : "";
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

function section(out: Output, title: string, value: unknown): void {
  if (value === undefined || value === null) return;
  out.line(`\n${out.paint("dim", title)}`);
  out.line(indent(yamlText(value)));
}

function dependencies(spec: Record<string, unknown> | undefined): Map<string, string[]> {
  const steps: unknown[] = Array.isArray(spec?.steps) ? spec.steps : [];
  const entries = steps.flatMap((step): [string, string[]][] => {
    const { id, dependsOn }: { id?: unknown; dependsOn?: unknown } =
      typeof step === "object" && step !== null ? step : {};
    if (typeof id !== "string") return [];
    return [[id, Array.isArray(dependsOn) ? dependsOn.map(String) : []]];
  });
  return new Map(entries);
}
