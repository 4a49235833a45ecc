import { AppError, toAppError } from "@agentmesh/errors";
import { GetRunRequest, Run, RunEvent, RunState } from "@agentmesh/proto/orchestrator";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { AgentRun, AgentRun_State, type Failure, RunAgentRequest } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { z } from "zod";
import { checkFree } from "../http/check-json.ts";
import type { EdgeCall } from "../http/edge-call.ts";
import { INVALID_PARAMS, RpcError } from "../http/json-rpc.ts";
import { publicMessage } from "../perform.ts";
import { routed } from "../routes.ts";
import { AGENT_PREFIX, RUN_TOOL, WORKFLOW_PREFIX } from "./list-tools.ts";
import { followRun, type Progress } from "./progress.ts";

const runAgent = routed(runnerContract.methods.runAgent.path);
const startWorkflow = routed(orchestratorContract.methods.startWorkflow.path);
const watchRun = routed(orchestratorContract.methods.watchRun.path);
const getRun = routed(orchestratorContract.methods.getRun.path);
const cancelRun = routed(orchestratorContract.methods.cancelRun.path);
const streamAgent = routed(runnerContract.methods.streamAgent.path);

// Clients of MCP give up after a minute; a run that takes longer is told of by its id.
const WAIT_MS = 45_000;

const params = z.looseObject({ name: z.string().max(256), arguments: z.record(z.string(), z.unknown()).default({}) });
const agentArguments = z.strictObject({ text: z.string().min(1), session: z.string().max(128).default("") });
const runArguments = z.strictObject({ run_id: z.string().min(1).max(64) });

/** Whom a tool's failure helps: the model that called it can change what it asked. */
const TOLD_TO_MODEL: ReadonlySet<string> = new Set([
  "INVALID_ARGUMENT",
  "FAILED_PRECONDITION",
  "CONFLICT",
  "PERMISSION_DENIED",
  "DEADLINE_EXCEEDED",
]);

export type ToolCall = {
  /** The client wants it no more. */
  readonly stopped: AbortSignal;
  /** Undefined: nobody asked how far it is. */
  readonly progress: Progress | undefined;
};

/** @throws RpcError for a tool that is not there, AppError for what no model can mend */
export async function callTool(
  edge: EdgeCall,
  given: Readonly<Record<string, unknown>>,
  call: ToolCall,
): Promise<object> {
  const { name, arguments: args } = read(params, given);
  checkFree(args, "arguments");
  try {
    if (name === RUN_TOOL) return await tellRun(edge, read(runArguments, args).run_id);
    if (name.startsWith(AGENT_PREFIX)) return await askAgent(edge, name.slice(AGENT_PREFIX.length), args, call);
    if (name.startsWith(WORKFLOW_PREFIX)) return await run(edge, name.slice(WORKFLOW_PREFIX.length), args, call);
  } catch (cause) {
    if (cause instanceof RpcError) throw cause;
    const error = toAppError(cause);
    if (error.code === "NOT_FOUND") throw new RpcError(INVALID_PARAMS, `${name}: ${error.message}`);
    if (TOLD_TO_MODEL.has(error.code)) return failed(publicMessage(error));
    throw error;
  }
  throw new RpcError(INVALID_PARAMS, `there is no tool ${JSON.stringify(name.slice(0, 80))}; tools/list has them`);
}

async function askAgent(edge: EdgeCall, agent: string, args: object, call: ToolCall): Promise<object> {
  const request = RunAgentRequest.fromPartial({ agent, ...read(agentArguments, args) });
  const answer = await runToEnd(edge, request, call);
  if (answer.state !== AgentRun_State.SUCCEEDED) return failed(reasonOf(answer.failure, answer.id));
  return result(answer.text, answer.output, answer.id);
}

/** As a stream only for who wants to know how far it is. */
async function runToEnd(edge: EdgeCall, request: RunAgentRequest, { stopped, progress }: ToolCall): Promise<AgentRun> {
  if (!progress) return AgentRun.fromPartial(Object(await edge.unary(runAgent, request, stopped)));
  const events = edge.stream(streamAgent, { ...request, cancelOnDisconnect: true }, stopped);
  const run = await followRun(events, progress);
  if (run) return run;
  throw new AppError("UNAVAILABLE", "the run's stream ended before the run; ask again", { reason: "STREAM_ENDED" });
}

/** Starts a run and waits for its end as long as clients wait. */
async function run(edge: EdgeCall, workflow: string, input: object, call: ToolCall): Promise<object> {
  const begun = Run.fromPartial(Object(await edge.unary(startWorkflow, { workflow, input, dedupeKey: "" })));
  await ended(edge, begun.id, call);
  if (call.stopped.aborted) await edge.unary(cancelRun, { id: begun.id, reason: "cancelled by its MCP client" });
  return await tellRun(edge, begun.id);
}

async function ended(edge: EdgeCall, id: string, { stopped, progress }: ToolCall): Promise<void> {
  const over = AbortSignal.any([AbortSignal.timeout(WAIT_MS), stopped]);
  try {
    for await (const event of edge.stream(watchRun, { id, afterSeq: 0 }, over)) {
      const { type, node } = RunEvent.fromPartial(Object(event));
      progress?.(node === "" ? type : `${type}: ${node}`);
      if (ENDS.has(type)) return;
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

const ENDS: ReadonlySet<string> = new Set(["run.succeeded", "run.failed", "run.cancelled"]);

async function tellRun(edge: EdgeCall, id: string): Promise<object> {
  const told = Run.fromPartial(Object(await edge.unary(getRun, GetRunRequest.fromPartial({ id }))));
  switch (told.state) {
    case RunState.SUCCEEDED:
      return result(JSON.stringify(told.output ?? null), told.output, told.id);
    case RunState.FAILED:
      return failed(reasonOf(told.failure, told.id));
    case RunState.CANCELLED:
      return failed(`run ${told.id} was cancelled`);
    default:
      return result(`run ${told.id} goes on; ask ${RUN_TOOL} how far it is`, undefined, told.id);
  }
}

function result(text: string, output: unknown, runId: string): object {
  const isObject = output !== null && typeof output === "object" && !Array.isArray(output);
  return {
    content: [{ type: "text", text }],
    ...(isObject && { structuredContent: output }),
    _meta: { "agentmesh/run": runId },
  };
}

function failed(message: string): object {
  return { content: [{ type: "text", text: message }], isError: true };
}

function reasonOf(failure: Failure | undefined, id: string): string {
  return failure ? `${failure.code}: ${failure.message}` : `run ${id} did not succeed`;
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError("INVALID_ARGUMENT", `${issue?.path.join(".") || "arguments"}: ${issue?.message}`, {
    reason: "BAD_ARGUMENTS",
  });
}
