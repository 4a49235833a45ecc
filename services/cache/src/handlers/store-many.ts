import type { StoreManyReply, StoreManyRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import { keepAnswers } from "../answers/keep-answers.ts";
import type { Context } from "../context.ts";
import { assertBatch } from "./lookup-many.ts";

export async function storeMany(
  context: Context,
  { stores }: StoreManyRequest,
  call: Call,
): Promise<DeepPartial<StoreManyReply>> {
  assertBatch("stores", stores.length);
  const kept = await keepAnswers(context, requirePrincipal(call).tenant, stores);
  return { replies: kept.map((stored) => ({ stored })) };
}
