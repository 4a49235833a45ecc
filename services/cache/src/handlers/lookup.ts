import type { LookupRequest } from "@agentmesh/proto/cache";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { findAnswers, type Reply } from "../answers/find-answers.ts";
import type { Context } from "../context.ts";

export async function lookup(context: Context, request: LookupRequest, call: Call): Promise<Reply> {
  const [reply = { hit: false }] = await findAnswers(context, requirePrincipal(call).tenant, [request]);
  return reply;
}
