import { AppError } from "@agentmesh/errors";
import type { StepWork, ToolWork } from "@agentmesh/proto/orchestrator";
import type { Context } from "../context.ts";
import { lacks, mayCall } from "../domain/call-tools.ts";
import type { ToolArguments, ToolCallContext } from "../domain/tool.ts";
import { answerOf, inputOf } from "../run/call-agent.ts";
import { executeRun } from "../run/execute-run.ts";
import type { Caller } from "../run/run-request.ts";
import { effectsOf, type StepLease } from "./effects-of-step.ts";
import type { SubjectTokens } from "./subject-tokens.ts";

const NOTHING: ReadonlySet<string> = new Set();

/** No database and no token for most tools: what they need is in memory already. */
export async function runToolStep(
  context: Context,
  tokens: SubjectTokens,
  work: StepWork,
  { tool: name, input }: ToolWork,
  lease: StepLease,
): Promise<unknown> {
  const { tenant, subject, idempotencyKey, attempt } = work;
  const { signal } = lease;
  const tool = context.directory.tool(tenant, name);
  const args = isArguments(input ?? {}) ? (input ?? {}) : undefined;
  const errors = args ? tool.parameters.check(args) : ["the input is not a JSON object"];
  if (!args || errors.length > 0) {
    throw new AppError("INVALID_ARGUMENT", `the input of tool ${name} does not satisfy it: ${errors.join("; ")}`, {
      reason: "INVALID_INPUT",
    });
  }
  const known = tool.needsCaller ? await tokens.callerFor(tenant, subject, "") : undefined;
  const caller = known ?? { tenant, subject, permissions: NOTHING };
  if (!mayCall(tool, caller)) {
    throw new AppError("PERMISSION_DENIED", lacks(tool), { reason: "MISSING_PERMISSION" });
  }
  return tool.run(args, {
    // Made only when asked for: most tools answer at once.
    get signal() {
      return work.timeoutMs > 0 ? AbortSignal.any([signal, AbortSignal.timeout(work.timeoutMs)]) : signal;
    },
    idempotencyKey,
    attempt,
    assertMayAct: () => lease.assertMayAct(performance.now()),
    caller,
    callAgent: (agent, given, call) => callAgent(context, { work, lease, caller: known }, agent, given, call),
  });
}

/** A tool that is an agent, called by a workflow itself: a run without another above it. */
async function callAgent(
  context: Context,
  { work, lease, caller }: { work: StepWork; lease: StepLease; caller: Caller | undefined },
  agent: string,
  args: ToolArguments,
  call: Parameters<ToolCallContext["callAgent"]>[2],
): Promise<unknown> {
  if (!caller) throw new AppError("INTERNAL", `tool step ${work.idempotencyKey} calls an agent without a caller`);
  const run = await context.inFlight.track(
    executeRun(context, {
      caller,
      agent,
      text: inputOf(args),
      labels: { ...work.labels, workflow: work.workflow },
      useCache: work.attempt <= 1,
      signal: call.signal,
      requestId: work.idempotencyKey,
      attempt: work.attempt,
      stepKey: "",
      effects: effectsOf(work, lease),
    }),
  );
  return answerOf(run);
}

function isArguments(value: unknown): value is ToolArguments {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
