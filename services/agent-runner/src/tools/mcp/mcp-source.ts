import { AppError } from "@agentmesh/errors";
import type { Tool } from "../../domain/tool.ts";
import type { ToolSource } from "../../domain/tool-spec.ts";
import type { McpSessions } from "./open-mcp-sessions.ts";

type McpSource = Extract<ToolSource, { type: "mcp" }>;

/** What is longer than the tool's own time-out never gets there; this only keeps the SDK's default out of the way. */
const REQUEST_TIMEOUT_MS = 120_000;
const IDEMPOTENCY_KEY = "agentmesh/idempotencyKey";

/** @throws AppError INVALID_ARGUMENT when the server may not be used */
export function compileMcpSource({ server, tool }: McpSource, sessions: McpSessions): Tool["run"] {
  sessions.assertAllowed(server);
  return (args, { caller, signal, idempotencyKey }) =>
    sessions.use(caller.tenant, server, async (client) => {
      const params = { name: tool, arguments: { ...args }, _meta: { [IDEMPOTENCY_KEY]: idempotencyKey } };
      const reply = await client.callTool(params, undefined, { signal, timeout: REQUEST_TIMEOUT_MS });
      return readReply(tool, reply);
    });
}

/** Structured content where the tool gave it, else its text; what is no text is named. */
function readReply(tool: string, reply: object): unknown {
  const content: unknown = Reflect.get(reply, "content");
  const text = Array.isArray(content) ? content.map(textOf).join("\n") : "";
  if (Reflect.get(reply, "isError") === true) {
    throw new AppError("FAILED_PRECONDITION", `${tool} failed: ${text.slice(0, 1_000)}`, { reason: "TOOL_FAILED" });
  }
  return Reflect.get(reply, "structuredContent") ?? text;
}

function textOf(part: unknown): string {
  if (part === null || typeof part !== "object") return "";
  const text: unknown = Reflect.get(part, "text");
  return typeof text === "string" ? text : `[${String(Reflect.get(part, "type"))}]`;
}
