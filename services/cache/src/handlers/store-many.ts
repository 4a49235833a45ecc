import type { StoreManyReply, StoreManyRequest } from "@agentmesh/proto/cache";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import { keepAnswers } from "../answers/keep-answers.ts";
import type { Context } from "../context.ts";
import { assertBatch } from "./lookup-many.ts";
import { payerOf } from "./payer-of.ts";

export async function storeMany(
  context: Context,
  { stores }: StoreManyRequest,
  call: Call,
): Promise<DeepPartial<StoreManyReply>> {
  assertBatch("stores", stores.length);
  const kept = await keepAnswers(context, payerOf(call), stores);
  return { replies: kept.map((stored) => ({ stored })) };
}
