/** A question without its courtesies, in the words that the rest of the comparison knows. */
export type NormalForm = {
  readonly text: string;
  /** Set where the wording says more about the kind of question than its words do. */
  readonly kind: "yes or no" | undefined;
};

// In this order; each is tried once at the start of what the others left.
const courtesies = [
  /^(?:(?:hi|hello|hey|please|so|well|ok|okay|sorry|excuse me)[\s,!.]+)+/i,
  /^(?:can|could|would|will) you (?:please |kindly )?(?:tell|explain(?: to)?|let)(?: me)?(?: know)? (?=\S)/i,
  /^(?:please )?(?:tell|explain to) me /i,
  /^(?:please )?(?:explain|describe) (?=how |what |why |when |where |who )/i,
  /^i(?:'d| would)? (?:like|love|want|need) to know /i,
  /^i(?:'m| am| was)? ?wonder(?:ing)? /i,
  /^do you know /i,
  /^may i ask /i,
];
const whether = /^(?:if|whether) /i;
const thanks = /[\s,]*(?:please|thanks|thank you)[\s.!?]*$/i;

const rewritings: readonly (readonly [RegExp, string])[] = [
  [/[’‘]/g, "'"],
  [/\be-mail/gi, "email"],
  [
    /^what(?:'s| is| are) (?:the |a |my )?(?:best |right |easiest |correct )?(?:way|steps?|procedure) (?:to|for) /i,
    "how to ",
  ],
  [/^(what|which) (?:do|should|must) (?:i|we|you) (?:need to |have to )?do to /i, "how to "],
  [/\bhow (?:do|can|could|would|should|might|may) (i|we|you|one) /i, "how to $1 "],
  [/^(?:is it possible|am i able|are we able) to /i, "can i "],
  [/^(show|give|send|list) (?:me|us) /i, "$1 "],
  [/^how come /i, "why "],
  [/\b(?:turn|switch)(ing|s|ed)? on\b/gi, "enable"],
  [/\b(?:turn|switch)(ing|s|ed)? off\b/gi, "disable"],
  [/\b(have|has) to\b/gi, "must"],
  [/\b(?:am|is|are) going to\b/gi, "will"],
];

export function normalForm(question: string): NormalForm {
  let text = question.replace(thanks, "");
  let isWhether = false;
  for (const courtesy of courtesies) {
    const without = text.replace(courtesy, "");
    if (without === text) continue;
    isWhether = whether.test(without);
    text = without.replace(whether, "");
  }
  for (const [pattern, replacement] of rewritings) text = text.replace(pattern, replacement);
  return { text, kind: isWhether ? "yes or no" : undefined };
}
