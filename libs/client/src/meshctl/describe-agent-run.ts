import { AgentRun } from "@agentmesh/proto/runner";
import type { Shell } from "./command.ts";
import { labelText } from "./commands/get.ts";
import { count, usd } from "./money.ts";
import type { Output } from "./output.ts";
import { stateCell } from "./state.ts";
import { printFields, printTable } from "./table.ts";
import { duration, took, when } from "./time.ts";
import { indent, yamlText } from "./yaml-text.ts";

export function describeAgentRun({ out }: Shell, run: AgentRun): void {
  out.answer(AgentRun.toJSON(run), () => print(out, run));
}

function print(out: Output, run: AgentRun): void {
  const now = new Date();
  const { usage } = run;
  printFields(out, [
    ["run", { text: run.id, style: "bold" }],
    ["agent", `${run.agent} v${run.agentVersion}`],
    ["state", stateCell(run.state)],
    ["for", [run.subject, ...run.actors].join(" → ")],
    ["labels", labelText(run.labels)],
    ["started", when(run.startedAt, now)],
    ["took", took(run.startedAt, run.endedAt, now)],
    ["model", run.model],
    ["cache", run.cache],
    ["calls", usage ? String(usage.modelCalls) : ""],
    [
      "tokens",
      usage ? `${count(usage.uncachedInputTokens + usage.cacheReadTokens)} in, ${count(usage.outputTokens)} out` : "",
    ],
    ["cost", usd(usage?.costNanoUsd ?? 0n)],
  ]);
  if (run.failure) out.line(`${out.paint("red", run.failure.code)}: ${run.failure.message}`);
  if (run.toolCalls.length > 0) {
    out.line();
    const rows = run.toolCalls.map((call) => [
      call.tool,
      call.failed ? { text: "failed", style: "red" as const } : { text: "ok", style: "green" as const },
      duration(call.durationMs),
      JSON.stringify(call.arguments ?? {}),
      call.result,
    ]);
    printTable(out, ["TOOL", "STATE", ">TOOK", "ARGUMENTS", "RESULT"], rows, "");
  }
  const said = run.output ?? (run.text || undefined);
  if (said === undefined) return;
  out.line(`\n${out.paint("dim", "output")}`);
  out.line(indent(typeof said === "string" ? said : yamlText(said)));
}
