/** Words and their stems: what the model compares texts by. */

const WORD = /[\p{L}\p{N}]+(?:['’]\p{L}+)*/gu;
const IDEOGRAPHIC = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/u;

const STOP_WORDS = new Set(
  `a about after again all also am an and any are as at be because been before being but by can could did do does doing
  done for from had has have having he her here hers him his how i if in into is it its just me more most my no nor not of
  off on once only or other our ours out over own same she should so some such than that the their them then there these
  they this those through to too under until up very was we were what when where which while who whom why will with would
  you your yours im ive id ill dont cannot may might must shall us yes via per let else ever since still get got one
  hello hi hey dear thanks thank please regards cheers kind sincerely best help need want like know tell make really
  today now und der die das ich ist nicht sie wir mit ein eine für auf den dem zu von le la les des une est je pas vous
  nous pour dans que et el los las por para una con del`.split(/\s+/),
);

/** Whether a word says nothing about what a text is about. */
export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word);
}

/** The words of a text in lower case, contractions opened ("can't" → cannot, "isn't" → is not), CJK by character. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [match] of text.toLowerCase().matchAll(WORD)) {
    if (match.includes("'") || match.includes("’")) words.push(...openContraction(match.replaceAll("’", "'")));
    else if (IDEOGRAPHIC.test(match)) words.push(...match);
    else words.push(match);
  }
  return words;
}

function openContraction(word: string): string[] {
  if (word === "can't") return ["cannot"];
  if (word === "won't") return ["will", "not"];
  if (word.endsWith("n't")) return [word.slice(0, -3), "not"];
  return [word.slice(0, word.indexOf("'"))];
}

/** The words of an identifier: `customer_id`, `customerId` and `customer-id` are customer, id. */
export function nameWords(name: string): string[] {
  return wordsOf(name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[_\W]+/g, " "));
}

const SUFFIXES = ["ations", "ation", "ments", "ment", "ingly", "ings", "ing", "edly", "ies", "ied", "ed", "es", "ly"];

/** A light English stem: charge, charges, charged, charging → charg; deliver, delivery, deliveries → deliver. */
export function stem(word: string): string {
  if (word.length < 4 || word.charCodeAt(0) < 97) return word;
  let root = word;
  for (const suffix of SUFFIXES) {
    if (root.length - suffix.length >= 3 && root.endsWith(suffix)) {
      root = root.slice(0, -suffix.length);
      break;
    }
  }
  if (root === word && root.endsWith("s") && !root.endsWith("ss") && !root.endsWith("us")) root = root.slice(0, -1);
  if (root.length > 3 && (root.endsWith("e") || root.endsWith("y") || root.endsWith("i"))) root = root.slice(0, -1);
  const last = root.at(-1);
  if (root.length > 3 && last !== undefined && last === root.at(-2) && !"sz".includes(last)) root = root.slice(0, -1);
  return root;
}

/** The stems of a text's telling words, in order, repeats kept. */
export function contentStems(text: string): string[] {
  const stems: string[] = [];
  for (const word of wordsOf(text)) if (word.length > 1 && !isStopWord(word)) stems.push(stem(word));
  return stems;
}

/** How often each stem, and each pair of neighbouring stems ("charg twic"), stands in a text. */
export type Bag = ReadonlyMap<string, number>;

/** Counts several texts into one bag, each with its weight. */
export function bagOf(texts: readonly { text: string; weight: number }[]): Bag {
  const bag = new Map<string, number>();
  for (const { text, weight } of texts) {
    let previous: string | undefined;
    for (const word of wordsOf(text)) {
      const root = stem(word);
      bag.set(root, (bag.get(root) ?? 0) + weight);
      if (previous !== undefined) bag.set(`${previous} ${root}`, (bag.get(`${previous} ${root}`) ?? 0) + weight);
      previous = root;
    }
  }
  return bag;
}

/** How often a term (one or two stems) stands in a bag; a denied word ("not urgent") does not count. */
export function countAffirmed(bag: Bag, term: string): number {
  const count = bag.get(term) ?? 0;
  if (count === 0 || term.includes(" ")) return count;
  return Math.max(0, count - (bag.get(`not ${term}`) ?? 0) - (bag.get(`no ${term}`) ?? 0));
}
