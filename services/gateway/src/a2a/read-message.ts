import { newId } from "@agentmesh/ids";
import { RunAgentRequest } from "@agentmesh/proto/runner";
import { z } from "zod";
import { INVALID_PARAMS, RpcError } from "../http/json-rpc.ts";

export const CONTENT_TYPE_NOT_SUPPORTED = -32_005;
export const UNSUPPORTED_OPERATION = -32_004;

const part = z.looseObject({
  text: z.string().optional(),
  data: z.unknown().optional(),
  raw: z.base64().optional(),
  url: z.string().max(2_048).optional(),
  mediaType: z.string().max(128).default(""),
});

const sent = z.looseObject({
  message: z.looseObject({
    messageId: z.string().min(1).max(256),
    role: z.enum(["ROLE_USER"]),
    parts: z.array(part).min(1).max(64),
    contextId: z.string().max(128).default(""),
    taskId: z.string().max(128).default(""),
  }),
  configuration: z.looseObject({ returnImmediately: z.boolean().default(false) }).prefault({}),
});

type Part = z.infer<typeof part>;

/** A message as a run. Its context is a session of the agent, where it keeps any. @throws RpcError */
export function readMessage(agent: string, params: Readonly<Record<string, unknown>>): RunAgentRequest {
  const read = sent.safeParse(params);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new RpcError(INVALID_PARAMS, `${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { message, configuration } = read.data;
  if (message.taskId !== "") {
    throw new RpcError(UNSUPPORTED_OPERATION, "a task takes one message; send the next one with its contextId alone");
  }
  return RunAgentRequest.fromPartial({
    agent,
    parts: message.parts.map(partOf),
    session: message.contextId || newId(),
    sessionIfKept: true,
    detached: configuration.returnImmediately,
  });
}

function partOf({ text, data, raw, url, mediaType }: Part, index: number) {
  if (text !== undefined) return { part: { $case: "text" as const, value: text } };
  if (data !== undefined) return { part: { $case: "text" as const, value: JSON.stringify(data) } };
  const kind = kindOf(mediaType);
  if (kind === undefined || (raw === undefined && url === undefined)) {
    const message = `message.parts[${index}] of type ${JSON.stringify(mediaType)} is not read; send text, data, images or sound`;
    throw new RpcError(CONTENT_TYPE_NOT_SUPPORTED, message);
  }
  const media = {
    mimeType: mediaType,
    data: Buffer.from(raw ?? "", "base64"),
    url: raw === undefined ? (url ?? "") : "",
  };
  return { part: { $case: kind, value: media } };
}

function kindOf(mediaType: string): "image" | "audio" | undefined {
  if (mediaType.startsWith("image/")) return "image";
  return mediaType.startsWith("audio/") ? "audio" : undefined;
}
