import type { Span } from "./finding.ts";

const reachBefore = 40;
const reachAfter = 24;

/**
 * Says whether one of the words stands near a span: it ends at most 40 code units before, or starts at most 24
 * after. Spans must be asked in order. The text is searched once, and only if something is asked.
 *
 * @param words a global expression without nested or overlapping repeats, so that the search is linear
 */
export function nearWords(text: string, words: RegExp): (span: Span) => boolean {
  let found: Span[] | undefined;
  let next = 0;
  return (span) => {
    found ??= positions(text, words);
    for (let word = found[next]; word && word.end + reachBefore < span.start; word = found[next]) next++;
    const word = found[next];
    return word !== undefined && word.start <= span.end + reachAfter;
  };
}

function positions(text: string, words: RegExp): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(words)) spans.push({ start: match.index, end: match.index + match[0].length });
  return spans;
}
