import { AppError } from "@agentmesh/errors";
import type { LookupManyReply, LookupManyRequest } from "@agentmesh/proto/cache";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import { findAnswers } from "../answers/find-answers.ts";
import type { Context } from "../context.ts";
import { payerOf } from "./payer-of.ts";

export const MAX_BATCH = 256;

export async function lookupMany(
  context: Context,
  { lookups }: LookupManyRequest,
  call: Call,
): Promise<DeepPartial<LookupManyReply>> {
  assertBatch("lookups", lookups.length);
  return { replies: [...(await findAnswers(context, payerOf(call), lookups))] };
}

/** @throws AppError INVALID_ARGUMENT */
export function assertBatch(field: string, size: number): void {
  if (size <= MAX_BATCH) return;
  throw new AppError("INVALID_ARGUMENT", `${size} ${field} in one call; at most ${MAX_BATCH}: split them`, {
    reason: "TOO_MANY",
    field,
  });
}
