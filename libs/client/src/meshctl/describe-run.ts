import { isAppError } from "@agentmesh/errors";
import { Approval, ApprovalState, Run, RunState, type Step, StepState } from "@agentmesh/proto/orchestrator";
import type { AgentRun } from "@agentmesh/proto/runner";
import type { MeshClient } from "../connect.ts";
import type { Shell } from "./command.ts";
import { describeAgentRun } from "./describe-agent-run.ts";
import { isLive, runStateCell } from "./live.ts";
import { mermaidOf } from "./mermaid-run.ts";
import { usd } from "./money.ts";
import { type OpenMatter, openMatters } from "./open-matters.ts";
import type { Output } from "./output.ts";
import { printSteps } from "./print-steps.ts";
import { stateCell } from "./state.ts";
import { type Cell, printFields } from "./table.ts";
import { took, when } from "./time.ts";
import { UsageError } from "./usage-error.ts";
import { firstLines, indent, yamlText } from "./yaml-text.ts";

export type RunFormat = "text" | "json" | "mermaid";

export async function describeRun(shell: Shell, id: string, format: RunFormat): Promise<number> {
  const { out } = shell;
  const { mesh } = await shell.session();
  const run = await readRun(mesh, id);
  if ("agent" in run) {
    if (format === "mermaid") throw new UsageError("-o mermaid is for runs of workflows; this one is of an agent");
    describeAgentRun(shell, run);
    return 0;
  }
  if (format === "mermaid") {
    out.line(mermaidOf(run));
    return 0;
  }
  const [approvals, doubted] = await Promise.all([pendingOf(mesh, run), doubtedOf(mesh, run)]);
  const matters = openMatters(run, approvals, doubted, new Date());
  out.answer(toJson(run, approvals, matters), () => printRun(shell, run, matters));
  return 0;
}

/** Agents that were run by themselves have runs too, at the runner. */
async function readRun(mesh: MeshClient, id: string): Promise<Run | AgentRun> {
  try {
    return await mesh.orchestrator.getRun({ id });
  } catch (error) {
    const isUnknown = isAppError(error) && error.code === "NOT_FOUND";
    const alone = isUnknown ? await mesh.runner.getAgentRun({ id }).catch(() => undefined) : undefined;
    if (alone === undefined) throw error;
    return alone;
  }
}

/** What is said of a run that waits on much more than this would not be read. */
const MAX_MATTERS = 20;

async function pendingOf(mesh: MeshClient, { id, steps }: Run): Promise<readonly Approval[]> {
  if (!steps.some(({ state, argsHash }) => state === StepState.WAITING && argsHash !== "")) return [];
  const found = await mesh.orchestrator.listApprovals({
    runId: id,
    state: ApprovalState.PENDING,
    pageSize: MAX_MATTERS,
  });
  return found.approvals;
}

async function doubtedOf(mesh: MeshClient, run: Run): Promise<readonly Step[]> {
  const mayDoubt = run.steps.some(({ state, progress }) => state === StepState.IN_DOUBT || (progress?.open ?? 0) > 0);
  if (!isLive(run) || !mayDoubt) return [];
  const found = await mesh.orchestrator.listSteps({ id: run.id, state: StepState.IN_DOUBT, pageSize: MAX_MATTERS });
  return found.steps;
}

function toJson(run: Run, approvals: readonly Approval[], matters: readonly OpenMatter[]): object {
  const open = matters.map(({ about, text, todo }) => ({ about, text, todo: todo.map(([command]) => command) }));
  return Object.assign({}, Run.toJSON(run), { approvals: approvals.map((one) => Approval.toJSON(one)), open });
}

function printRun({ out, settings }: Shell, run: Run, matters: readonly OpenMatter[]): void {
  const now = new Date();
  printFields(out, [
    ["run", { text: run.id, style: "bold" }],
    ["workflow", `${run.workflow} v${run.workflowVersion}`],
    ["state", run.paused ? runStateCell(run) : stateCell(run.state)],
    ["cancel", run.cancelRequested && !run.endedAt ? "asked for" : ""],
    ["for", run.subject],
    ["origin", run.origin],
    ["started by", run.parentRunId === "" ? "" : `step ${run.parentNode} of run ${run.parentRunId}`],
    ["dedupe key", run.dedupeKey],
    ["started", when(run.createdAt, now)],
    ["took", took(run.createdAt, run.endedAt, now)],
    ["expected", expected(run, now)],
    ["deadline", run.state === RunState.RUNNING ? when(run.deadline, now) : ""],
    ["cost", usd(run.costNanoUsd)],
  ]);
  if (run.failure) out.line(`${out.paint("red", run.failure.code)}: ${run.failure.message}`);
  out.line();
  printSteps(out, run, now);
  for (const matter of matters) printMatter(out, matter, settings.program);
  section(out, "input", run.input);
  section(out, "output", run.output);
  if (run.inputCut || run.outputCut) {
    out.note(
      `too large to show: ${settings.program} api GetRun '{"id":"${run.id}","part":"PART_OUTPUT"}' reads it alone`,
    );
  }
}

function expected({ slaAt, atRisk, endedAt }: Run, now: Date): Cell {
  if (!slaAt) return "";
  const at = `to end by ${when(slaAt, now)}`;
  if ((endedAt ?? now).getTime() > slaAt.getTime()) return { text: `${at}: late`, style: "red" };
  return atRisk && !endedAt ? { text: `${at}: will probably be late`, style: "yellow" } : at;
}

function printMatter(out: Output, { about, text, shown, todo }: OpenMatter, program: string): void {
  out.line(`\n${out.paint("yellow", about)}  ${text}`);
  if (shown !== undefined && shown !== null) out.line(indent(firstLines(yamlText(shown)), "    "));
  const width = Math.max(0, ...todo.map(([command]) => command.length));
  for (const [command, meaning] of todo) {
    out.line(`  ${program} ${meaning ? `${command.padEnd(width)}  ${out.paint("dim", meaning)}` : command}`);
  }
}

function section(out: Output, title: string, value: unknown): void {
  if (value === undefined || value === null) return;
  out.line(`\n${out.paint("dim", title)}`);
  out.line(indent(firstLines(yamlText(value))));
}
