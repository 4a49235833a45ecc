import { isDomainTerm } from "./lexicons.ts";
import { isStopWord, stem, wordsOf } from "./words.ts";

export type Keyword = { readonly word: string; readonly stem: string; readonly weight: number };

/** Words that stand in most messages to a desk and tell none from another. */
const COMMON = new Set(
  `ticket customer question issue problem message support team company order number use used using work working thing
  something anything way time day week month year ago try tried trying see look find go going come back keep say said
  new old good first last next much many lot well sure soon possible able inform information wait ask able case contact
  call hear reply answer look forward every everything everyone anyone someone nobody somebody never always already
  check checked happen happened since moved urgent urgently immediately frustrating frustrated annoying unacceptable
  absolutely really please love great curious worried joke lawyer monday tuesday wednesday thursday friday saturday sunday
  january february march april june july august september october november december hour minute money write wrote
  receive received whole one two three four five six seven eight nine ten correct freundlichen grüßen guten bitte`
    .split(/\s+/)
    .map(stem),
);

/** Later words of a long text weigh less: after this many words, half. */
const HALF_WEIGHT_AFTER_WORDS = 200;

/**
 * The telling words of a text, in order of appearance; `subject` words weigh double. At most `limit`. Common words are
 * used only where there are no others.
 */
export function keywordsOf(subject: string, body: string, limit: number): Keyword[] {
  const found = new Map<string, { word: string; at: number; weight: number }>();
  const texts: [string, number][] = [
    [subject, 2],
    [body, 1],
  ];
  let at = 0;
  for (const [text, factor] of texts) {
    for (const word of wordsOf(text)) {
      at += 1;
      if (word.length < 3 || word.length > 40 || isStopWord(word) || /\d/.test(word)) continue;
      const root = stem(word);
      const rarity = (0.5 + Math.min(word.length, 8) / 8) * (isDomainTerm(root) ? 1.6 : 1);
      const weight = (factor * rarity) / (1 + at / HALF_WEIGHT_AFTER_WORDS);
      const entry = found.get(root);
      if (entry === undefined) found.set(root, { word, at, weight });
      else entry.weight += weight / 2;
    }
  }
  const entries = [...found];
  const telling = entries.filter(([root]) => !COMMON.has(root));
  return (telling.length > 0 ? telling : entries)
    .sort(([, a], [, b]) => b.weight - a.weight || a.at - b.at)
    .slice(0, limit)
    .sort(([, a], [, b]) => a.at - b.at)
    .map(([root, { word, weight }]) => ({ word, stem: root, weight }));
}
