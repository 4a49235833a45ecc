import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@agentmesh/errors";
import { authContract } from "@agentmesh/proto/auth.contract";
import type { EdgeCall } from "../http/edge-call.ts";
import { HttpError } from "../http/http-error.ts";
import {
  METHOD_NOT_FOUND,
  RpcError,
  type RpcRequest,
  readRpc,
  rpcFailure,
  rpcResult,
  toRpcError,
} from "../http/json-rpc.ts";
import { MAX_MODEL_BODY_BYTES, readJsonBody } from "../http/read-request.ts";
import { routed } from "../routes.ts";
import { version } from "../version.ts";
import { callTool } from "./call-tool.ts";
import { listTools } from "./list-tools.ts";

export const MCP_PATH = "/mcp";

// The newest first: a client that asks for one that is not here is offered that.
const VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26"] as const;
const whoAmI = routed(authContract.methods.whoAmI.path);

/**
 * The caller's agents and workflows as tools, by MCP's streamable HTTP without sessions: each request stands for itself,
 * on any replica. Every call it makes passes the pipeline.
 *
 * @throws AppError, HttpError where the answer is a status
 */
export async function answerMcp(edge: EdgeCall, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  if (incoming.method !== "POST") throw wrongVerb(incoming.method ?? "GET");
  const told = incoming.headers["mcp-protocol-version"];
  const body = await readJsonBody(incoming, MAX_MODEL_BODY_BYTES);
  let id: string | number | null = null;
  let answer: object;
  try {
    const request = readRpc(body);
    if (request.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    id = request.id;
    if (request.method !== "initialize" && told !== undefined && !VERSIONS.some((known) => known === told)) {
      throw badVersion(String(told));
    }
    answer = rpcResult(id, await resultOf(edge, request));
  } catch (error) {
    answer = rpcFailure(id, toRpcError(error));
  }
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer));
}

async function resultOf(edge: EdgeCall, { method, params = {} }: RpcRequest): Promise<object> {
  switch (method) {
    case "initialize":
      return await initialize(edge, params);
    case "ping":
      return {};
    case "tools/list":
      return { tools: await listTools(edge) };
    case "tools/call":
      return await callTool(edge, params);
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
