import type { StoreReply, StoreRequest } from "@agentmesh/proto/cache";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import { keepAnswers } from "../answers/keep-answers.ts";
import type { Context } from "../context.ts";
import { payerOf } from "./payer-of.ts";

export async function store(context: Context, request: StoreRequest, call: Call): Promise<DeepPartial<StoreReply>> {
  const [stored = false] = await keepAnswers(context, payerOf(call), [request]);
  return { stored };
}
