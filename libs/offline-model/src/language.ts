import { wordsOf } from "./words.ts";

export type Language = { readonly code: string; readonly english: string };

const SCRIPTS: readonly [RegExp, Language][] = [
  [/[\u3040-\u30ff]/u, { code: "ja", english: "japanese" }],
  [/[\uac00-\ud7af]/u, { code: "ko", english: "korean" }],
  [/[\u4e00-\u9fff]/u, { code: "zh", english: "chinese" }],
  [/[\u0400-\u04ff]/u, { code: "ru", english: "russian" }],
  [/[\u0600-\u06ff]/u, { code: "ar", english: "arabic" }],
];

const ENGLISH: Language = { code: "en", english: "english" };

const COMMON_WORDS: readonly [Language, ReadonlySet<string>][] = (
  [
    [ENGLISH, "the and is to of my i it in for not you have with on that this was are can"],
    [
      { code: "de", english: "german" },
      "der die das und ist ich nicht sie wir mit ein eine für auf zu mein meine habe bitte kann",
    ],
    [
      { code: "fr", english: "french" },
      "le la les des une est je pas vous nous pour dans que et mon ma bonjour merci votre avec",
    ],
    [
      { code: "es", english: "spanish" },
      "el los las por para una con mi no es que se lo hola gracias de la en un está",
    ],
    [{ code: "it", english: "italian" }, "il di che non per una sono con mio mia ho ciao grazie della è gli nel"],
    [{ code: "pt", english: "portuguese" }, "o os uma não com para meu minha por que obrigado olá em do da você está"],
    [{ code: "nl", english: "dutch" }, "de het een en ik niet van mijn op voor met is dat kan graag bedankt"],
  ] satisfies [Language, string][]
).map(([language, words]) => [language, new Set(words.split(" "))]);

const MAX_WORDS = 400;
const SAMPLE_CHARS = 4000;

/** The language of a text by its script and its commonest words; English where nothing tells. */
export function languageOf(text: string): Language {
  const sample = text.slice(0, SAMPLE_CHARS);
  for (const [script, language] of SCRIPTS) if (script.test(sample)) return language;
  const words = wordsOf(sample).slice(0, MAX_WORDS);
  let best = ENGLISH;
  let most = 0;
  for (const [language, common] of COMMON_WORDS) {
    const count = words.filter((word) => common.has(word)).length;
    if (count > most) {
      best = language;
      most = count;
    }
  }
  return best;
}
