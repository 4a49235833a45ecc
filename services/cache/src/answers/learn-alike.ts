import { describeError } from "@agentmesh/errors";
import type { Context } from "../context.ts";
import type { Entry } from "../domain/entry.ts";
import { isSameAnswer } from "../domain/same-answer.ts";
import type { Alike, Place } from "./read-lookup.ts";
import { searchExact } from "./search-exact.ts";

/**
 * A question that was answered anew although like ones had answers shows whether those would have done: their bounds
 * learn of it. Unless one of them would have answered, the new question is filed as well.
 */
export async function learnAlike(context: Context, place: Place, alike: Alike, entry: Entry): Promise<void> {
  const shelf = { ...place, policyHash: alike.policyHash };
  try {
    const [found] = await context.semantic.find([{ place: shelf, ...alike }]);
    const others = (found?.candidates ?? []).filter(({ id }) => id !== place.hash);
    const answers = await searchExact(
      context,
      others.map(({ id }) => ({ ...place, hash: id })),
    );
    let isAnswered = false;
    for (const [index, { id, score, bound }] of others.entries()) {
      const other = answers[index];
      if (!other) continue;
      const isSame = isSameAnswer(other.entry.value, entry.value);
      isAnswered ||= isSame && score >= bound;
      await context.semantic.observe(shelf, id, score, isSame);
    }
    if (!isAnswered) await context.semantic.file(shelf, place.hash, alike, entry.expiresAtMs);
  } catch (error) {
    context.measured.degraded("semantic");
    context.log.debug({ reason: describeError(error) }, "question filed in process only");
  }
}
