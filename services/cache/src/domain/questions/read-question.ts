import { kindOf } from "./kind-of-question.ts";
import { normalForm } from "./normal-form.ts";
import type { Question } from "./question.ts";
import { beginReading, readNext } from "./reading.ts";
import { splitWords } from "./split-words.ts";

/** What a text asks, by its words alone: no model, no dictionary beyond `lexicon.ts`. */
export function readQuestion(text: string): Question {
  const form = normalForm(text);
  const words = splitWords(form.text);
  const reading = beginReading(form.kind ?? kindOf(words));
  for (const [index, word] of words.entries()) {
    readNext(reading, word, words[index - 1], index === words.length - 1);
  }
  const { kind, auxiliary, terms, numbers, identifiers, negations, modality, persons } = reading;
  return { kind, auxiliary, terms, numbers, identifiers, negations, modality: [...modality].sort(), persons };
}
