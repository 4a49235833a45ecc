import type { Context } from "../context.ts";
import type { Alike, Place } from "./read-lookup.ts";
import { type Hit, searchExact } from "./search-exact.ts";

// A candidate that was compared this often has proved itself, or has not.
const PROVEN_AFTER = 3;

/** Answers to other wordings of what is asked. `vetoed`: neighbours that were alike and yet something else. */
export async function searchAlike(
  context: Context,
  asked: readonly { readonly place: Place; readonly alike: Alike }[],
): Promise<{ hits: (Hit | undefined)[]; vetoed: number }> {
  if (asked.length === 0) return { hits: [], vetoed: 0 };
  const found = await context.semantic.find(
    asked.map(({ place, alike }) => ({ place: { ...place, policyHash: alike.policyHash }, ...alike })),
  );
  const hits: (Hit | undefined)[] = [];
  let vetoed = 0;
  for (const [index, { place, alike }] of asked.entries()) {
    const { candidates = [], vetoes = [] } = found[index] ?? {};
    vetoed += vetoes.length;
    for (const veto of vetoes) context.measured.vetoed(veto);
    hits.push(await firstThatAnswers(context, place, alike, candidates));
  }
  return { hits, vetoed };
}

async function firstThatAnswers(
  context: Context,
  place: Place,
  alike: Alike,
  candidates: Awaited<ReturnType<Context["semantic"]["find"]>>[number]["candidates"],
): Promise<Hit | undefined> {
  for (const { id, score, bound, observations } of candidates) {
    if (score < bound) continue;
    // Now and then the question is answered anew, for otherwise nothing would ever show that an entry errs.
    if (observations < PROVEN_AFTER && context.random() < context.config.semantic.exploreShare) return undefined;
    const [hit] = await searchExact(context, [{ ...place, hash: id }]);
    if (!hit) {
      context.semantic.forget({ ...place, policyHash: alike.policyHash }, id);
      continue;
    }
    // In process only, and so for minutes only: what the entry learns must count soon.
    context.l1.set(place.partition, place.hash, place.tenant, hit.entry, Date.now());
    return { entry: hit.entry, tier: "semantic", similarity: score };
  }
  return undefined;
}
