import {
  type AgentRun,
  AgentRun_State,
  AgentRunEvent,
  type RunAgentRequest,
  type ToolCall,
} from "@agentmesh/proto/runner";
import type { Args } from "./args.ts";
import type { Shell } from "./command.ts";
import { count, counted, usd } from "./money.ts";
import type { Output } from "./output.ts";
import { oneLine } from "./printable.ts";
import { duration, took } from "./time.ts";
import { UsageError } from "./usage-error.ts";

/** The text goes to standard output as it comes; tools and what it took go to standard error. */
export async function runAgent(shell: Shell, args: Args, what: Partial<RunAgentRequest>): Promise<number> {
  const { out, signal } = shell;
  const { mesh } = await shell.session();
  const request = {
    ...what,
    session: args.text("session") ?? "",
    noCache: args.flag("no-cache"),
    labels: labelsOf(args.texts("label")),
  };
  const said: Said = { text: "", printed: 0 };
  let ended: AgentRun | undefined;
  for await (const event of mesh.streamAgent(request, { signal, cancelOnAbort: true })) {
    out.each(AgentRunEvent.toJSON(event), () => print(out, event, said));
    if (event.event?.$case === "ended") ended = event.event.value;
  }
  if (!ended) return 1;
  if (!out.json) printEnd(out, ended, said);
  return ended.state === AgentRun_State.SUCCEEDED ? 0 : 1;
}

/** What the agent has said, and how much of it a person has seen: data is shown in whole, at its end. */
type Said = { text: string; printed: number };

function print(out: Output, { event }: AgentRunEvent, said: Said): void {
  if (event?.$case === "textDelta") {
    said.text += event.value;
    if (!/^\s*[[{]/.test(said.text)) flush(out, said);
  } else if (event?.$case === "toolStarted") {
    endLine(out, said);
    out.note(out.paint("dim", `→ ${event.value.tool} ${brief(event.value.arguments)}`));
  } else if (event?.$case === "restarted") {
    endLine(out, said);
    said.text = "";
    said.printed = 0;
    out.note(out.paint("dim", `↻ attempt ${event.value.attempt}: ${event.value.reason}; what was said before is void`));
  } else if (event?.$case === "toolEnded") out.note(toolLine(out, event.value));
}

function flush(out: Output, said: Said): void {
  out.write(said.text.slice(said.printed));
  said.printed = said.text.length;
}

function endLine(out: Output, said: Said): void {
  if (said.printed > 0 && !said.text.endsWith("\n")) out.line();
}

function toolLine(out: Output, { tool, failed, durationMs, result }: ToolCall): string {
  const mark = failed ? out.paint("red", "✗") : out.paint("green", "✓");
  return `${mark} ${tool} ${out.paint("dim", `${duration(durationMs)}  ${brief(result)}`)}`;
}

const MAX_BRIEF = 100;

function brief(value: unknown): string {
  const text = oneLine(typeof value === "string" ? value : JSON.stringify(value ?? {}));
  return text.length > MAX_BRIEF ? `${text.slice(0, MAX_BRIEF - 1)}…` : text;
}

function printEnd(out: Output, run: AgentRun, said: Said): void {
  if (said.printed === 0 && run.output !== undefined && run.output !== null) {
    out.line(JSON.stringify(run.output, undefined, 2));
  } else {
    if (said.text === "") said.text = run.text;
    flush(out, said);
    endLine(out, said);
  }
  const { usage } = run;
  const facts = [
    took(run.startedAt, run.endedAt, new Date()),
    usage && usage.modelCalls > 0 ? counted(usage.modelCalls, "model call") : "",
    usage && usage.modelCalls > 0
      ? `${count(usage.uncachedInputTokens + usage.cacheReadTokens)} in, ${count(usage.outputTokens)} out`
      : "",
    usage ? usd(usage.costNanoUsd) : "",
    run.cache && run.cache !== "none" ? `from cache ${run.cache}` : "",
    run.model,
    run.id,
  ];
  const ok = run.state === AgentRun_State.SUCCEEDED;
  const mark = ok ? out.paint("green", "✓") : out.paint("red", "✗");
  out.note(`${mark} ${out.paint("dim", facts.filter(Boolean).join(" · "))}`);
  if (run.failure) out.note(`${out.paint("red", run.failure.code)}: ${run.failure.message}`);
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  const labels = pairs.map((pair) => {
    const [name = "", ...value] = pair.split("=");
    if (name === "" || value.length === 0) throw new UsageError(`--label ${JSON.stringify(pair)}: expected NAME=VALUE`);
    return [name, value.join("=")] as const;
  });
  return Object.fromEntries(labels);
}
