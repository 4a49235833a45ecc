import { AppError, errorCodes, toAppError } from "@agentmesh/errors";
import { canonicalJson } from "@agentmesh/ids";
import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import type { Context } from "../context.ts";
import type { ToolArguments } from "../domain/tool.ts";
import { MAX_AGENT_DEPTH } from "../tools/assert-no-cycle.ts";
import type { RunRequest } from "./run-request.ts";

/** The run whose tool is an agent. */
type Parent = { readonly id: string; readonly request: RunRequest };

export type ExecuteRun = (context: Context, request: RunRequest) => Promise<AgentRun>;

/**
 * Runs an agent for a run that has it as a tool: for the same caller, with the calling agent among the actors, charged to
 * the run at the top. It is a run of its own, labelled with the one above it.
 *
 * @returns its output, or its text
 * @throws AppError FAILED_PRECONDITION (AGENT_CYCLE, AGENT_DEPTH), what kept it from beginning, and its failure
 */
export async function callAgent(
  context: Context,
  execute: ExecuteRun,
  parent: Parent,
  agent: string,
  args: ToolArguments,
  call: { readonly signal: AbortSignal; readonly idempotencyKey: string },
): Promise<unknown> {
  const { request } = parent;
  const { caller, lineage } = request;
  const agents = [...(lineage?.agents ?? []), request.agent];
  assertMayCall(agents, agent);
  const run = await context.inFlight.track(
    execute(context, {
      caller: { ...caller, actors: [...caller.actors, `agent:${request.agent}`] },
      agent,
      text: inputOf(args),
      labels: { ...request.labels, parent_run: parent.id },
      useCache: request.useCache,
      signal: call.signal,
      requestId: request.requestId,
      attempt: 1,
      stepKey: "",
      noteEffect: request.noteEffect,
      effects: request.effects,
      accounts: request.durable ?? request.accounts,
      lineage: { rootRunId: lineage?.rootRunId ?? parent.id, agents, key: call.idempotencyKey },
    }),
  );
  return answerOf(run);
}

/** What a run called as a tool, or as the tool step of a workflow, hands back. @throws AppError its failure */
export function answerOf(run: AgentRun): unknown {
  if (run.state === AgentRun_State.SUCCEEDED) return run.output === undefined ? run.text : run.output;
  const { code = "INTERNAL", message = `it ended as ${run.state}`, retryable = false } = run.failure ?? {};
  const known = errorCodes.find((each) => each === code);
  throw toAppError(
    new AppError(known ?? (retryable ? "UNAVAILABLE" : "FAILED_PRECONDITION"), message, { reason: code }),
    `agent ${run.agent} (run ${run.id})`,
  );
}

/** The one argument `text`, else all of them as JSON. */
export function inputOf(args: ToolArguments): string {
  const [name, ...others] = Object.keys(args);
  return name === "text" && others.length === 0 && typeof args.text === "string" ? args.text : canonicalJson(args);
}

export function assertMayCall(above: readonly string[], agent: string): void {
  const chain = [...above, agent].join(" → ");
  if (above.includes(agent)) {
    throw new AppError("FAILED_PRECONDITION", `the agent would call itself: ${chain}`, { reason: "AGENT_CYCLE" });
  }
  if (above.length >= MAX_AGENT_DEPTH) {
    throw new AppError("FAILED_PRECONDITION", `agents call agents at most ${MAX_AGENT_DEPTH} deep: ${chain}`, {
      reason: "AGENT_DEPTH",
    });
  }
}
