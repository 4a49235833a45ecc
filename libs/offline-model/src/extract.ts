import type { Keyword } from "./keywords.ts";
import type { Source } from "./sources.ts";
import { contentStems, stem, wordsOf } from "./words.ts";

/** Sentences picked from sources for a question. */
export type Extract = {
  /** In reading order, grouped by source. */
  readonly passages: readonly { readonly source: Source; readonly sentences: readonly string[] }[];
};

const MAX_DOCUMENTS = 2;
/** A second document is quoted only when it fits the question nearly as well as the first. */
const SECOND_DOCUMENT_SHARE = 0.6;
/** A source that meets less of the question than this is about something else. */
const MIN_COVERAGE = 0.2;
const MAX_SENTENCES_FIRST = 4;
const MAX_SENTENCES_SECOND = 2;
const MAX_ANSWER_CHARS = 900;
const TITLE_FACTOR = 1.5;
/** The order a search gave its results in counts a little. */
const RANK_BONUS = 0.12;

type Query = ReadonlyMap<string, number>;
/** `matched` counts the query's words in the source, those in its title twice; `coverage` is their share of the query. */
type Ranked = { source: Source; score: number; matched: number; coverage: number };

function rarity(query: Query, sources: readonly Source[]): Map<string, number> {
  const holders = new Map<string, number>();
  for (const source of sources) {
    const stems = new Set([...contentStems(source.title), ...source.sentences.flatMap(contentStems)]);
    for (const root of stems) if (query.has(root)) holders.set(root, (holders.get(root) ?? 0) + 1);
  }
  return new Map(
    [...query].map(([root, weight]) => [root, weight * Math.log(1.5 + sources.length / (holders.get(root) ?? 1))]),
  );
}

function rankSources(sources: readonly Source[], weights: Query): Ranked[] {
  return sources
    .map((source, index) => {
      const title = new Set(wordsOf(source.title).map(stem));
      const body = new Set(source.sentences.flatMap(contentStems));
      const matched = [...weights.keys()].filter((root) => title.has(root) || body.has(root));
      const fit = matched.reduce(
        (sum, root) => sum + (weights.get(root) ?? 0) * (title.has(root) ? TITLE_FACTOR : 1),
        0,
      );
      const titled = matched.filter((root) => title.has(root)).length;
      return {
        source,
        score: fit * (1 + RANK_BONUS / (1 + index)),
        matched: matched.length + titled,
        coverage: matched.length / weights.size,
      };
    })
    .sort((a, b) => b.score - a.score);
}

function pickSentences(source: Source, weights: Query, limit: number): string[] {
  const scored = source.sentences.map((sentence, index) => {
    const stems = new Set(contentStems(sentence));
    const fit = [...stems].reduce((sum, root) => sum + (weights.get(root) ?? 0), 0);
    return { sentence, index, score: fit / (1 + Math.log(1 + stems.size)) + (index === 0 ? 0.15 : 0) };
  });
  const fitting = scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || a.index - b.index);
  let room = MAX_ANSWER_CHARS;
  return fitting
    .slice(0, limit)
    .filter(({ sentence }, index) => {
      room -= sentence.length + 1;
      return room >= 0 || index === 0;
    })
    .sort((a, b) => a.index - b.index)
    .map(({ sentence }) => sentence);
}

/** Picks what answers the keywords best: at most two sources, six sentences, 900 characters; empty if nothing fits. */
export function extractFrom(sources: readonly Source[], keywords: readonly Keyword[]): Extract {
  const query = new Map(keywords.map(({ stem: root, weight }) => [root, weight]));
  const weights = rarity(query, sources);
  const ranked = rankSources(sources, weights);
  const needed = Math.min(2, query.size);
  const best = ranked[0];
  if (best === undefined || best.score <= 0 || best.coverage < MIN_COVERAGE) return { passages: [] };
  if (best.matched < needed && sources.length > 1) return { passages: [] };
  const kept = ranked
    .slice(0, MAX_DOCUMENTS)
    .filter(({ score, matched }) => matched >= needed && score >= best.score * SECOND_DOCUMENT_SHARE);
  const quoted = kept.length === 0 ? [best] : kept;
  const passages = quoted
    .map(({ source }, index) => ({
      source,
      sentences: pickSentences(source, weights, index === 0 ? MAX_SENTENCES_FIRST : MAX_SENTENCES_SECOND),
    }))
    .filter(({ sentences }) => sentences.length > 0);
  return { passages };
}

/** The sentences that stand for a text: those whose words the rest repeats most, in order. */
export function summaryOf(sentences: readonly string[], limit: number): string[] {
  const counts = new Map<string, number>();
  for (const sentence of sentences) {
    for (const root of new Set(contentStems(sentence))) counts.set(root, (counts.get(root) ?? 0) + 1);
  }
  const scored = sentences
    .map((sentence, index) => {
      const stems = contentStems(sentence);
      const weight = stems.reduce((sum, root) => sum + Math.log(1 + (counts.get(root) ?? 0)), 0);
      const score = stems.length < 3 ? 0 : (weight / Math.sqrt(stems.length)) * (1 + 0.5 / (1 + index));
      return { sentence, index, score };
    })
    .sort((a, b) => b.score - a.score || a.index - b.index);
  // "Thanks," and the like only where there is nothing else.
  const telling = scored.filter(({ score }) => score > 0);
  return (telling.length > 0 ? telling : scored)
    .slice(0, limit)
    .sort((a, b) => a.index - b.index)
    .map(({ sentence }) => sentence);
}
