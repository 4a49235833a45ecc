import type { LookupRequest } from "@agentmesh/proto/cache";
import type { Call } from "@agentmesh/rpc";
import { findAnswers, type Reply } from "../answers/find-answers.ts";
import type { Context } from "../context.ts";
import { payerOf } from "./payer-of.ts";

export async function lookup(context: Context, request: LookupRequest, call: Call): Promise<Reply> {
  const [reply = { hit: false }] = await findAnswers(context, payerOf(call), [request]);
  return reply;
}
