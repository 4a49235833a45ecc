import type { AwaitAnswerRequest, LookupRequest } from "@agentmesh/proto/cache";
import type { Call } from "@agentmesh/rpc";
import { awaitAnswer as awaitOne } from "../answers/await-answer.ts";
import { findAnswers, hit, miss, missOf, type Reply } from "../answers/find-answers.ts";
import { placeOf, readLookup } from "../answers/read-lookup.ts";
import type { Context } from "../context.ts";
import { payerOf } from "./payer-of.ts";

// Kept from the caller's deadline, so that what came of the waiting still reaches it.
const REPLY_MS = 250;

/** A hit, or a miss with a lease: nobody is at it any more, so this caller is; or one without: it goes on by itself. */
export async function awaitAnswer(context: Context, request: AwaitAnswerRequest, call: Call): Promise<Reply> {
  const payer = payerOf(call);
  const { tenant } = payer;
  const lookup: LookupRequest = request.lookup ?? { key: undefined, semantic: undefined, singleFlight: true };
  const { hash } = readLookup(context.config, payer, lookup);
  const [first = { hit: false }] = await findAnswers(context, payer, [{ ...lookup, singleFlight: true }]);
  if (!first.wait) return first;
  const epoch = first.epoch ?? "";
  const patienceMs = Math.min(request.waitMs || Number.POSITIVE_INFINITY, call.deadlineMs - Date.now() - REPLY_MS);
  const place = placeOf(tenant, epoch, hash);
  const joined = await awaitOne(context, place, performance.now() + patienceMs, call.signal);
  if (joined.is === "hit") return hit(context, tenant, joined.hit, { coalesced: 1 });
  return miss(context, tenant, missOf(context, epoch, joined));
}
