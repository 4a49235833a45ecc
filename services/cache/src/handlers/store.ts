import type { StoreReply, StoreRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import { keepAnswers } from "../answers/keep-answers.ts";
import type { Context } from "../context.ts";

export async function store(context: Context, request: StoreRequest, call: Call): Promise<DeepPartial<StoreReply>> {
  const [stored = false] = await keepAnswers(context, requirePrincipal(call).tenant, [request]);
  return { stored };
}
