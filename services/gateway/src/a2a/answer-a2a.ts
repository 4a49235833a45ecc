import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@agentmesh/errors";
import { AgentRun, CancelAgentRunReply, ListAgentRunsReply } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { z } from "zod";
import type { EdgeCall } from "../http/edge-call.ts";
import { HttpError } from "../http/http-error.ts";
import {
  INVALID_PARAMS,
  METHOD_NOT_FOUND,
  RpcError,
  type RpcId,
  type RpcRequest,
  readRpc,
  rpcFailure,
  rpcResult,
  toRpcError,
} from "../http/json-rpc.ts";
import { MAX_MODEL_BODY_BYTES, readJsonBody } from "../http/read-request.ts";
import { beginEvents } from "../http/rendering.ts";
import { writeFrames } from "../http/sse.ts";
import { routed } from "../routes.ts";
import { A2A_PATH, A2A_VERSION, agentCard, CARD_PATH, extendedCard, meshCard, type Where } from "./agent-card.ts";
import { readMessage, UNSUPPORTED_OPERATION } from "./read-message.ts";
import { taskOf, updatesOf } from "./task-of.ts";

const { methods } = runnerContract;
const runAgent = routed(methods.runAgent.path);
const streamAgent = routed(methods.streamAgent.path);
const getAgentRun = routed(methods.getAgentRun.path);
const listAgentRuns = routed(methods.listAgentRuns.path);
const cancelAgentRun = routed(methods.cancelAgentRun.path);
const resumeAgentRun = routed(methods.resumeAgentRun.path);

export const TASK_NOT_FOUND = -32_001;
const PUSH_NOT_SUPPORTED = -32_003;
const VERSION_NOT_SUPPORTED = -32_009;
const MAX_TASKS = 100;

const PATH = /^\/a2a(?:\/([a-z0-9][a-z0-9_-]{0,62}))?(\/\.well-known\/agent-card\.json)?$/;

export function isA2aPath(path: string): boolean {
  return path === CARD_PATH || (PATH.test(path) && path !== A2A_PATH + CARD_PATH);
}

export type A2aRequest = {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly where: Where;
};

/**
 * Agents as A2A 1.0 has them, by JSON-RPC and SSE: a message is a run, a task is what is known of it, a context its
 * session. Every call passes the pipeline.
 *
 * @throws AppError, HttpError where the answer is a status
 */
export async function answerA2a(edge: EdgeCall, request: A2aRequest): Promise<void> {
  const { incoming, response, path, where } = request;
  const [, agent, card] = PATH.exec(path) ?? [];
  if (path === CARD_PATH || card !== undefined) {
    if (incoming.method !== "GET") throw wrongVerb(path, incoming.method ?? "", "GET");
    const shown = agent === undefined ? meshCard(where) : await agentCard(edge, where, agent);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(shown));
    return;
  }
  if (incoming.method !== "POST") throw wrongVerb(path, incoming.method ?? "", "POST");
  const body = await readJsonBody(incoming, MAX_MODEL_BODY_BYTES);
  let id: RpcId = null;
  let answer: object;
  try {
    const rpc = readRpc(body);
    id = rpc.id ?? null;
    expectVersion(incoming);
    if (isStream(rpc.method)) return await stream(edge, response, agent, rpc);
    answer = rpcResult(id, await resultOf(edge, agent, where, rpc));
  } catch (error) {
    if (response.headersSent) throw error;
    answer = rpcFailure(id, toRpcError(error, codeOf));
  }
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer));
}

/** The first 1.0 has the header; a client without it speaks 0.3. */
function expectVersion({ headers }: IncomingMessage): void {
  const told = String(headers["a2a-version"] ?? "0.3");
  if (told === A2A_VERSION || told.startsWith(`${A2A_VERSION}.`)) return;
  const message = `A2A ${told.slice(0, 20)} is not spoken here; send the header a2a-version: ${A2A_VERSION}`;
  throw new RpcError(VERSION_NOT_SUPPORTED, message);
}

export async function resultOf(
  edge: EdgeCall,
  agent: string | undefined,
  where: Where,
  rpc: RpcRequest,
): Promise<object> {
  const { method, params = {} } = rpc;
  switch (method) {
    case "SendMessage": {
      const run = await edge.unary(runAgent, readMessage(expectAgent(agent), params));
      return { task: taskOf(AgentRun.fromPartial(Object(run))) };
    }
    case "GetTask":
      return taskOf(AgentRun.fromPartial(Object(await edge.unary(getAgentRun, { id: idOf(params) }))));
    case "CancelTask": {
      const { run } = CancelAgentRunReply.fromPartial(Object(await edge.unary(cancelAgentRun, { id: idOf(params) })));
      return taskOf(AgentRun.fromPartial(run ?? {}));
    }
    case "ListTasks":
      return await listTasks(edge, expectAgent(agent), params);
    case "GetExtendedAgentCard":
      return agent === undefined ? await extendedCard(edge, where) : await agentCard(edge, where, agent);
    default:
      if (method.includes("PushNotification")) {
        throw new RpcError(PUSH_NOT_SUPPORTED, "tasks are not pushed; subscribe to them or ask");
      }
      throw new RpcError(METHOD_NOT_FOUND, `${method} is not a method of A2A ${A2A_VERSION} that is served here`);
  }
}

async function listTasks(edge: EdgeCall, agent: string, params: Readonly<Record<string, unknown>>): Promise<object> {
  const { pageSize, pageToken, contextId } = read(page, params);
  const reply = await edge.unary(listAgentRuns, { agent, pageSize, pageToken });
  const { runs, nextPageToken } = ListAgentRunsReply.fromPartial(Object(reply));
  const shown = runs.filter(({ session }) => contextId === "" || session === contextId);
  return { tasks: shown.map(taskOf), nextPageToken, pageSize, totalSize: shown.length };
}

export function isStream(method: string): boolean {
  return method === "SendStreamingMessage" || method === "SubscribeToTask";
}

/** What happens to a task, as either of the two methods tells it. */
export function eventsOf(
  edge: EdgeCall,
  agent: string | undefined,
  method: string,
  params: Readonly<Record<string, unknown>>,
): AsyncGenerator<object> {
  if (method === "SubscribeToTask") return updatesOf(edge.stream(resumeAgentRun, { id: idOf(params), afterSeq: 0 }));
  return updatesOf(edge.stream(streamAgent, { ...readMessage(expectAgent(agent), params), detached: false }));
}

/** What fails before the first event is a plain answer, as without a stream. */
async function stream(
  edge: EdgeCall,
  response: ServerResponse,
  agent: string | undefined,
  request: RpcRequest,
): Promise<void> {
  const { method, params = {} } = request;
  const id: RpcId = request.id ?? null;
  const frames = framesOf(id, eventsOf(edge, agent, method, params));
  const first = await frames.next();
  beginEvents(response);
  if (!first.done) response.write(first.value);
  try {
    await writeFrames(response, frames, NEVER);
    response.end();
  } catch (error) {
    response.end(`data: ${JSON.stringify(rpcFailure(id, toRpcError(error, codeOf)))}\n\n`);
  }
}

// Calls of the edge end by themselves when their reader goes away.
const NEVER = new AbortController().signal;

async function* framesOf(id: RpcId, updates: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const update of updates) yield `data: ${JSON.stringify(rpcResult(id, update))}\n\n`;
}

function expectAgent(agent: string | undefined): string {
  if (agent !== undefined) return agent;
  throw new RpcError(UNSUPPORTED_OPERATION, `agents have endpoints of their own: ${A2A_PATH}/NAME`);
}

const task = z.looseObject({ id: z.string().min(1).max(128) });
const page = z.looseObject({
  pageSize: z.int().min(1).max(MAX_TASKS).default(50),
  pageToken: z.string().max(512).default(""),
  contextId: z.string().max(128).default(""),
});

function idOf(params: Readonly<Record<string, unknown>>): string {
  return read(task, params).id;
}

function read<T>(schema: z.ZodType<T>, params: Readonly<Record<string, unknown>>): T {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RpcError(INVALID_PARAMS, `${issue?.path.join(".")}: ${issue?.message}`);
}

function codeOf({ code }: AppError): number {
  if (code === "NOT_FOUND") return TASK_NOT_FOUND;
  return code === "INVALID_ARGUMENT" ? INVALID_PARAMS : UNSUPPORTED_OPERATION;
}

function wrongVerb(path: string, verb: string, allow: string): HttpError {
  const error = new AppError("UNIMPLEMENTED", `${path.slice(0, 200)} does not take ${verb}; it takes ${allow}`, {
    reason: "METHOD_NOT_ALLOWED",
  });
  return new HttpError(405, error, { allow });
}
