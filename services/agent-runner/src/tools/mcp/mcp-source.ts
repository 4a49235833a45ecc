import { AppError } from "@agentmesh/errors";
import { type EffectsSpec, keyPlaceOf } from "../../domain/effects-spec.ts";
import { setAtPointer } from "../../domain/json-pointer.ts";
import type { Tool } from "../../domain/tool.ts";
import type { ToolSource } from "../../domain/tool-spec.ts";
import { assertMayKnowCaller, type HttpCaller } from "../http-send.ts";
import type { McpSessions } from "./open-mcp-sessions.ts";

type McpSource = Extract<ToolSource, { type: "mcp" }>;

/** What is longer than the tool's own time-out never gets there; this only keeps the SDK's default out of the way. */
const REQUEST_TIMEOUT_MS = 120_000;
/** What a server is told of a call in the protocol's own `_meta`: under one session many people call. */
const META = {
  idempotencyKey: "agentmesh/idempotencyKey",
  tenant: "agentmesh/tenant",
  subject: "agentmesh/subject",
} as const;

/** @throws AppError INVALID_ARGUMENT when the server may not be used, or may not know who calls */
export function compileMcpSource(
  source: McpSource,
  sessions: McpSessions,
  http: HttpCaller,
  effects: EffectsSpec | undefined,
): Tool["run"] {
  const { server, tool, passIdentity } = source;
  sessions.assertAllowed(server);
  // A command is the operator's own, with the arguments it was given there.
  if (server.transport === "http") assertMayKnowCaller(http, new URL(server.url), passIdentity);
  const { field } = keyPlaceOf(effects);
  return (args, { caller, signal, idempotencyKey, assertMayAct }) =>
    sessions.use(caller.tenant, server, async (client) => {
      const identity = { [META.tenant]: caller.tenant, [META.subject]: caller.subject };
      const _meta = { [META.idempotencyKey]: idempotencyKey, ...(passIdentity && identity) };
      const given = field === undefined ? args : setAtPointer(args, field, idempotencyKey);
      const params = { name: tool, arguments: { ...given }, _meta };
      if (effects) assertMayAct?.();
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
