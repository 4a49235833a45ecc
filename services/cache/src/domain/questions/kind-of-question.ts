import type { Word } from "./split-words.ts";

/** The words that ask, by the kind of question they begin. */
export const kinds: ReadonlyMap<string, string> = new Map(
  Object.entries({
    how: "how",
    what: "what",
    which: "what",
    who: "who",
    whom: "who",
    whose: "whose",
    when: "when",
    where: "where",
    why: "why",
  }),
);
export const being: ReadonlySet<string> = new Set("is are am was were".split(" "));
const amounts: ReadonlySet<string> = new Set(
  "much many long often far old soon large big fast tall high deep".split(" "),
);
/** What a question that wants a yes or a no begins with. */
export const auxiliaries: ReadonlySet<string> = new Set(
  "is are am was were do does did has have had can could may might will would should must shall isn aren don doesn didn won".split(
    " ",
  ),
);

/** how, what, who, …; `yes or no`; or `none` of a phrase or a command. */
export function kindOf(words: readonly Word[]): string {
  const first = words[0];
  if (first?.is === "word" && auxiliaries.has(first.lower)) return "yes or no";
  for (const [index, word] of words.entries()) {
    const kind = word.is === "word" ? kinds.get(word.lower) : undefined;
    if (kind === undefined) continue;
    const next = words[index + 1];
    return kind === "how" && next?.is === "word" && amounts.has(next.lower) ? `how ${next.lower}` : kind;
  }
  return "none";
}
