const MAX_FACTS = 10;
const MIN_CHARS = 8;
const MAX_CHARS = 300;
// What people say of themselves, or ask to be kept in mind.
const ABOUT_USER =
  /\b(?:i am|i'm|i have|i've|i use|i live|i work|i like|i prefer|i speak|i need|i always|i never|call me|my|our|we are|we use|we have|we prefer)\b/i;
const ASKED_TO_KEEP = /\b(?:remember|keep in mind|note that|for the future)\b/i;
const QUESTION = /\?\s*$|^(?:how|what|when|where|why|who|which|can|could|would|do|does|is|are|please)\b/i;

/** Sentences of an input that say something lasting of its user; in their order, each once. Rules only, no model. */
export function extractFacts(input: string): string[] {
  const facts = new Map<string, string>();
  for (const sentence of input.split(/(?<=[.!?])\s+|\n+/)) {
    const fact = sentence.trim().replace(/\s+/g, " ");
    if (fact.length < MIN_CHARS || fact.length > MAX_CHARS) continue;
    const isAsked = ASKED_TO_KEEP.test(fact);
    if (!isAsked && (QUESTION.test(fact) || !ABOUT_USER.test(fact))) continue;
    facts.set(fact.toLowerCase(), fact);
    if (facts.size === MAX_FACTS) break;
  }
  return [...facts.values()];
}
