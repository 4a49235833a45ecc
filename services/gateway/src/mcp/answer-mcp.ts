import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@agentmesh/errors";
import { authContract } from "@agentmesh/proto/auth.contract";
import { z } from "zod";
import type { EdgeCall } from "../http/edge-call.ts";
import { HttpError } from "../http/http-error.ts";
import {
  METHOD_NOT_FOUND,
  RpcError,
  type RpcRequest,
  readRpc,
  rpcFailure,
  rpcResult,
  SERVER_ERROR,
  toRpcError,
} from "../http/json-rpc.ts";
import { MAX_MODEL_BODY_BYTES, readJsonBody } from "../http/read-request.ts";
import { errorOf } from "../http/rendering.ts";
import { publicMessage } from "../perform.ts";
import { routed } from "../routes.ts";
import { version } from "../version.ts";
import { callTool, type ToolCall } from "./call-tool.ts";
import type { McpCalls } from "./calls.ts";
import { listTools } from "./list-tools.ts";
import { messageFrame, type Progress, tellProgress } from "./progress.ts";

export const MCP_PATH = "/mcp";

// The newest first: a client that asks for one that is not here is offered that.
const VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26"] as const;
const whoAmI = routed(authContract.methods.whoAmI.path);

const SESSION = "mcp-session-id";
const SESSION_ID = /^[\x21-\x7e]{1,128}$/;

const callMeta = z.looseObject({ _meta: z.looseObject({ progressToken: z.union([z.string().max(256), z.int()]) }) });
const cancelled = z.looseObject({ requestId: z.union([z.string().max(256), z.int()]) });

/** A request to the endpoint. */
export type McpRequest = {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** Calls under way, of all clients. */
  readonly calls: McpCalls;
};

/**
 * The caller's agents and workflows as tools, by MCP's streamable HTTP: each request stands for itself, on any replica. A
 * session is only what a client's notification that a call is cancelled is held against; it grants nothing. Every call
 * passes the pipeline.
 *
 * @throws AppError, HttpError where the answer is a status
 */
export async function answerMcp(edge: EdgeCall, { incoming, response, calls }: McpRequest): Promise<void> {
  if (incoming.method !== "POST") throw wrongVerb(incoming.method ?? "GET");
  const told = incoming.headers["mcp-protocol-version"];
  const body = await readJsonBody(incoming, MAX_MODEL_BODY_BYTES);
  let id: string | number | null = null;
  let answer: object;
  const stop = new AbortController();
  try {
    const request = readRpc(body);
    const session = sessionOf(incoming);
    if (request.id === undefined) {
      await heed(edge, calls, session, request);
      response.writeHead(202).end();
      return;
    }
    id = request.id;
    if (request.method !== "initialize" && told !== undefined && !VERSIONS.some((known) => known === told)) {
      throw badVersion(String(told));
    }
    const call: ToolCall = { stopped: stop.signal, progress: progressOf(incoming, response, request) };
    const under = { who: () => edge.caller?.principal, stop: () => stop.abort() };
    const forget = session === undefined ? undefined : calls.begin({ session, id }, under);
    try {
      answer = rpcResult(id, await resultOf(edge, request, call));
    } finally {
      forget?.();
    }
    if (request.method === "initialize") response.setHeader(SESSION, randomUUID());
  } catch (error) {
    answer = rpcFailure(id, response.headersSent ? toldLate(error) : toRpcError(error));
  }
  finish(response, answer, stop.signal.aborted);
}

/** What is cancelled is not answered: its client has forgotten it. */
function finish(response: ServerResponse, answer: object, isStopped: boolean): void {
  if (response.headersSent) {
    response.end(isStopped ? "" : messageFrame(answer));
    return;
  }
  if (isStopped) {
    response.writeHead(202).end();
    return;
  }
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer));
}

function sessionOf({ headers }: IncomingMessage): string | undefined {
  const session = headers[SESSION];
  return typeof session === "string" && SESSION_ID.test(session) ? session : undefined;
}

function progressOf(incoming: IncomingMessage, response: ServerResponse, { params }: RpcRequest): Progress | undefined {
  const asked = callMeta.safeParse(params);
  const takesEvents = incoming.headers.accept?.includes("text/event-stream") === true;
  return asked.success && takesEvents ? tellProgress(response, asked.data._meta.progressToken) : undefined;
}

/** A notification. Only a caller who is known cancels, and only calls of its own. */
async function heed(
  edge: EdgeCall,
  calls: McpCalls,
  session: string | undefined,
  { method, params }: RpcRequest,
): Promise<void> {
  if (method !== "notifications/cancelled" || session === undefined) return;
  const named = cancelled.safeParse(params);
  if (!named.success) return;
  await edge.unary(whoAmI, {});
  const who = edge.caller?.principal;
  if (who) calls.cancel({ session, id: named.data.requestId }, who);
}

/** A status has left already. */
function toldLate(cause: unknown): RpcError {
  if (cause instanceof RpcError) return cause;
  const error = errorOf(cause);
  return new RpcError(SERVER_ERROR, publicMessage(error), {
    code: error.code,
    ...(error.reason && { reason: error.reason }),
  });
}

async function resultOf(edge: EdgeCall, { method, params = {} }: RpcRequest, call: ToolCall): Promise<object> {
  switch (method) {
    case "initialize":
      return await initialize(edge, params);
    case "ping":
      return {};
    case "tools/list":
      return { tools: await listTools(edge) };
    case "tools/call":
      return await callTool(edge, params, call);
    default:
      throw new RpcError(METHOD_NOT_FOUND, `${method} is not served here; there are tools/list and tools/call`);
  }
}

/** Nobody unknown gets as far as a list: a client is told at once that it must sign in. */
async function initialize(edge: EdgeCall, { protocolVersion }: Readonly<Record<string, unknown>>): Promise<object> {
  await edge.unary(whoAmI, {});
  return {
    protocolVersion: VERSIONS.find((known) => known === protocolVersion) ?? VERSIONS[0],
    capabilities: { tools: { listChanged: false } },
    serverInfo: { name: "agentmesh", version },
    instructions: "Each tool is an agent (agent_NAME) or a workflow (workflow_NAME) of the mesh that you may run.",
  };
}

function badVersion(told: string): HttpError {
  const message = `mcp-protocol-version ${told.slice(0, 40)} is not spoken here; it is one of ${VERSIONS.join(", ")}`;
  return new HttpError(400, new AppError("INVALID_ARGUMENT", message, { reason: "PROTOCOL_VERSION" }));
}

/** There is nothing to listen to and no session to end. */
function wrongVerb(verb: string): HttpError {
  const error = new AppError("UNIMPLEMENTED", `${MCP_PATH} does not take ${verb}; it takes POST`, {
    reason: "METHOD_NOT_ALLOWED",
  });
  return new HttpError(405, error, { allow: "POST" });
}
