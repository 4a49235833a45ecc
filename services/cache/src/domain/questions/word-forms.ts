import * as lexicon from "./lexicon.ts";
import type { Casing } from "./split-words.ts";

/** One text for a word in all its forms. An acronym that is spelled like a function word is told from it: US, IT. */
export function canonical(surface: string, casing: Casing): string {
  const lower = surface.toLowerCase();
  if (casing === "name") return lower !== surface && lexicon.isFunctionWord(lower) ? surface : lower;
  const stem = singular(lower);
  return lexicon.synonyms.get(lower) ?? lexicon.synonyms.get(stem) ?? stem;
}

// Singular of another word, or no plural at all.
const irregular: ReadonlySet<string> = new Set(
  "news customs goods arms glasses savings earnings headquarters means series species lens always physics mathematics politics economics data".split(
    " ",
  ),
);

/** Endings that make a noun of a verb are left alone: who asks for the parking does not ask for the park. */
export function singular(word: string): string {
  if (word.length <= 3 || irregular.has(word) || /(?:ss|us|is)$/.test(word)) return word;
  if (/[^aeiou]ies$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ch|sh|x|ss|zz)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith("s") ? word.slice(0, -1) : word;
}
