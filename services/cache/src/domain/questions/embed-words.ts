import { readQuestion } from "./read-question.ts";

/** Its name goes wherever its vectors do, so that no other embedder's are compared with them. */
export const LEXICAL_EMBEDDER = "embedded/lexical-embedder-1";
export const LEXICAL_DIMENSIONS = 384;

const WORD_WEIGHT = 1;
const PAIR_WEIGHT = 0.5;
const GRAM_WEIGHT = 0.25;
const GRAM_CHARS = 3;

/**
 * A vector of unit length for a question: the signed hashes of its words, of neighbouring pairs of them and of their
 * letter trigrams (feature hashing, Weinberger et al. 2009). Rare words are unknown without a corpus; long words are
 * rarer than short ones, so length stands in for it. Alike in words is what it finds, not alike in meaning.
 */
export function embedWords(text: string): Float32Array {
  const words = readQuestion(text).terms.map((term) => term.canonical);
  const vector = new Float32Array(LEXICAL_DIMENSIONS);
  for (const [index, word] of words.entries()) {
    const weight = Math.log2(2 + word.length);
    addFeature(vector, `w:${word}`, WORD_WEIGHT * weight);
    if (index > 0) addFeature(vector, `p:${words[index - 1]} ${word}`, PAIR_WEIGHT * weight);
    const framed = `^${word}$`;
    for (let at = 0; at + GRAM_CHARS <= framed.length; at++) {
      addFeature(vector, `g:${framed.slice(at, at + GRAM_CHARS)}`, GRAM_WEIGHT);
    }
  }
  if (words.length === 0) addFeature(vector, `t:${text.toLowerCase()}`, 1);
  return toUnitLength(vector);
}

function addFeature(vector: Float32Array, feature: string, weight: number): void {
  const hash = fnv1a(feature);
  const at = hash % LEXICAL_DIMENSIONS;
  vector[at] = (vector[at] ?? 0) + (hash & 0x8000_0000 ? weight : -weight);
}

/** 32 bits (Fowler, Noll, Vo), mixed once more, for its low bits alone are poor. */
function fnv1a(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Scales in place; a vector of zeros stays one. */
export function toUnitLength(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  for (let index = 0; index < vector.length; index++) vector[index] = (vector[index] ?? 0) * scale;
  return vector;
}
