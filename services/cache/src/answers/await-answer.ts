import type { Context } from "../context.ts";
import { joinFlight, type Search } from "./find-answers.ts";
import { flightOf, type Place } from "./read-lookup.ts";
import { searchExact } from "./search-exact.ts";

// A hint that got lost, or a caller that died, costs those who wait this long.
const RECHECK_MS = 1_000;

/** Waits until the answer is there, or nobody is at it any more and this caller is to make it, or time is up. */
export async function awaitAnswer(
  context: Context,
  place: Place,
  untilMs: number,
  signal: AbortSignal,
): Promise<Search> {
  const flight = flightOf(place);
  for (;;) {
    const left = untilMs - performance.now();
    if (left <= 0 || signal.aborted) return { is: "wait" };
    // Before the search, so that an end in between is not missed.
    const changed = context.flights.changed(flight, Math.min(left, RECHECK_MS), signal);
    const [hit] = await searchExact(context, [place]);
    if (hit) return { is: "hit", hit };
    await changed;
    const [stored] = await searchExact(context, [place]);
    if (stored) return { is: "hit", hit: stored };
    const joined = await joinFlight(context, place);
    if (joined.is !== "wait") return joined;
  }
}
