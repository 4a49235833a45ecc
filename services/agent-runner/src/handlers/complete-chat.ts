import type { ChatCompletion, CompleteChatRequest } from "@agentmesh/proto/runner";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import { type Answered, type Asked, prepareChat } from "../chat/ask-model.ts";
import type { Context } from "../context.ts";
import { readChat } from "./read-chat.ts";

/** A model's answer to what it is sent. A caller who leaves ends the call; what it cost until then is recorded. */
export async function completeChat(
  context: Context,
  request: CompleteChatRequest,
  call: Call,
): Promise<DeepPartial<ChatCompletion>> {
  return describeAnswer(await prepareChat(context, askedOf(request, call)).ask());
}

/** @throws AppError INVALID_ARGUMENT */
export function askedOf(request: CompleteChatRequest, call: Call): Asked {
  const { tenant, subject, department, project, actors, permissions } = requirePrincipal(call);
  const caller = { tenant, subject, department, project, actors, permissions, token: call.token ?? "" };
  return { ...readChat(request), caller, signal: call.signal, requestId: call.requestId };
}

export function describeAnswer({ id, startedAt, reply, model, usage, choices }: Answered): DeepPartial<ChatCompletion> {
  return {
    id,
    model,
    text: reply.text,
    toolCalls: reply.toolCalls.map(({ id: callId, function: called }) => ({ id: callId, ...called })),
    finish: reply.finish,
    usage,
    modelChoices: [...choices],
    startedAt,
  };
}
