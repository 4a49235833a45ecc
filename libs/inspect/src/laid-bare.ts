import type { Span } from "./finding.ts";
import { findCards } from "./recognise/card.ts";

/** A card between cards between cards: nobody writes so, somebody may try. */
const maxRounds = 8;
const shortestCard = 13;

/**
 * Cards that only show once the spans beside them are taken out, because what ruled them out went with it: digits
 * spelled out beside a card, or a "fraction" whose whole number was an account number.
 */
export function cardsLaidBare(text: string, taken: readonly Span[]): readonly Span[] {
  const found: Span[] = [];
  let gaps = between(taken, 0, text.length);
  for (let round = 0; round < maxRounds && gaps.length > 0; round++) {
    gaps = gaps.flatMap((gap) => {
      const cards = findCards(text.slice(gap.start, gap.end)).map(({ start, end }) => {
        return { start: gap.start + start, end: gap.start + end };
      });
      found.push(...cards);
      return cards.length === 0 ? [] : between(cards, gap.start, gap.end);
    });
  }
  return found;
}

function between(taken: readonly Span[], from: number, to: number): Span[] {
  const gaps: Span[] = [];
  let start = from;
  for (const span of taken) {
    if (span.start - start >= shortestCard) gaps.push({ start, end: span.start });
    start = span.end;
  }
  if (to - start >= shortestCard) gaps.push({ start, end: to });
  return gaps;
}
