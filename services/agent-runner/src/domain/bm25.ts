export type Document = { readonly id: string; readonly title: string; readonly text: string };
export type Hit = { readonly id: string; readonly title: string; readonly excerpt: string; readonly score: number };

export type DocumentIndex = { search(query: string, top: number): Hit[] };

// Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009): the usual values.
const K1 = 1.2;
const B = 0.75;
// A word of the title says more about a document than one in its text.
const TITLE_WEIGHT = 3;
const EXCERPT_CHARS = 600;
const MAX_QUERY_TERMS = 64;
const MAX_SEARCHED_CHARS = 32_000;

/** An inverted index with BM25 ranking, built once for a version of a tool. */
export function indexDocuments(documents: readonly Document[]): DocumentIndex {
  const postings = new Map<string, Map<number, number>>();
  const lengths = documents.map((document, at) => addDocument(postings, document, at));
  const meanLength = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length);

  function scores(terms: readonly string[]): Map<number, number> {
    const scored = new Map<number, number>();
    for (const term of terms) {
      const found = postings.get(term);
      if (!found) continue;
      const rarity = Math.log(1 + (documents.length - found.size + 0.5) / (found.size + 0.5));
      for (const [at, count] of found) {
        const norm = K1 * (1 - B + (B * (lengths[at] ?? 0)) / meanLength);
        scored.set(at, (scored.get(at) ?? 0) + (rarity * count * (K1 + 1)) / (count + norm));
      }
    }
    return scored;
  }

  return {
    search(query, top) {
      const terms = [...new Set(termsOf(query))].slice(0, MAX_QUERY_TERMS);
      const ranked = [...scores(terms)].sort(([a, left], [b, right]) => right - left || a - b).slice(0, top);
      return ranked.flatMap(([at, score]) => {
        const document = documents[at];
        if (!document) return [];
        const { id, title, text } = document;
        return [{ id, title, excerpt: excerptOf(text, terms), score: Math.round(score * 1000) / 1000 }];
      });
    },
  };
}

function addDocument(postings: Map<string, Map<number, number>>, document: Document, at: number): number {
  const terms = [...Array<string>(TITLE_WEIGHT).fill(document.title), document.text].flatMap(termsOf);
  for (const term of terms) {
    const counts = postings.get(term) ?? new Map<number, number>();
    counts.set(at, (counts.get(at) ?? 0) + 1);
    postings.set(term, counts);
  }
  return terms.length;
}

/** Lower-case words without accents; a plural's "s" goes, so that "refunds" finds "refund". */
export function termsOf(text: string): string[] {
  const words =
    text
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) =>
    word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word,
  );
}

/** The stretch of whole sentences with the most of the query's terms in it. */
function excerptOf(text: string, terms: readonly string[]): string {
  const flat = proseOf(text.slice(0, MAX_SEARCHED_CHARS));
  if (flat.length <= EXCERPT_CHARS) return flat;
  const wanted = new Set(terms);
  const sentences = (flat.match(/[^.!?]+[.!?]*\s*/g) ?? [flat]).map((sentence) => ({
    sentence,
    found: termsOf(sentence).filter((term) => wanted.has(term)),
  }));
  let best = { from: 0, score: 0 };
  for (const [from, { found }] of sentences.entries()) {
    if (found.length === 0) continue;
    const score = scoreFrom(sentences, from);
    if (score > best.score) best = { from, score };
  }
  const stretch = sentences.slice(best.from).map(({ sentence }) => sentence);
  const excerpt = stretch.join("").trim();
  return excerpt.length > EXCERPT_CHARS ? `${excerpt.slice(0, EXCERPT_CHARS).replace(/\s\S*$/, "")}…` : excerpt;
}

/** Without Markdown's headings, which would run into the sentence after them; paragraphs become one line each. */
function proseOf(text: string): string {
  return text
    .replace(/^#{1,6}[ \t].*$/gm, "")
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
    .filter((paragraph) => paragraph !== "")
    .join("\n");
}

function scoreFrom(sentences: readonly { sentence: string; found: readonly string[] }[], from: number): number {
  const seen = new Set<string>();
  let chars = 0;
  for (let at = from; at < sentences.length && chars < EXCERPT_CHARS; at++) {
    const next = sentences[at];
    chars += next?.sentence.length ?? 0;
    for (const term of next?.found ?? []) seen.add(term);
  }
  return seen.size;
}
