import { units } from "./lexicon.ts";

/** What its capital says: at the start of a sentence, and where nobody writes capitals, nothing. */
export type Casing = "name" | "plain" | "unknown";

/** A word as written, by what it is. */
export type Word =
  | { readonly is: "word"; readonly lower: string; readonly casing: Casing; readonly ends: boolean }
  /** What its owner's name is followed by: `'s`. */
  | { readonly is: "possessive" }
  | { readonly is: "number"; readonly value: string; readonly unit: string }
  /** Codes, addresses, operators: the same only letter by letter. */
  | { readonly is: "identifier"; readonly text: string };

const OPENING = /^[([{'"“‘¿¡]+/u;
const CLOSING = /[.,;:!?)\]}'"”’…]+$/u;
const NUMBER = /^([-+]?)([$€£¥]?)(\d[\d,]*(?:\.\d+)*)(%|[\p{L}°]{1,12})?$/u;
const ORDINAL = /^(?:st|nd|rd|th)$/;
const LETTERS = /^[\p{L}\p{M}]+(?:'[\p{L}]+)?$/u;
const HYPHENATED = /^\p{L}+(?:-\p{L}+)+$/u;
const ALL_CAPS = /^\p{Lu}{2,}$/u;
const DASH = /^[-–—]+$/;

const contractions: Readonly<Record<string, readonly string[]>> = {
  "can't": ["can", "not"],
  cannot: ["can", "not"],
  "won't": ["will", "not"],
  "shan't": ["shall", "not"],
  "let's": [],
};
const endings: Readonly<Record<string, string>> = { d: "would", ll: "will", m: "am", re: "are", ve: "is" };
const beforeIs = /^(?:what|who|where|when|how|why|it|that|there|here|he|she)$/;

export function splitWords(text: string): readonly Word[] {
  const isShouted = !/\p{Ll}/u.test(text);
  const isCased = /^\P{L}*\p{Lu}/u.test(text) && !isShouted;
  const raw = text.split(/\s+/).filter((word) => word !== "");
  return raw.flatMap((word, index) => {
    const core = word.replace(OPENING, "").replace(CLOSING, "");
    const ends = /[,;:.!?]['")\]]*$/.test(word);
    if (core === "" || DASH.test(core))
      return isBesideNumber(raw, index) || core !== "" ? symbol(word, raw, index) : [];
    return classify(core, { ends, isFirst: index === 0, isShouted, isCased });
  });
}

function isBesideNumber(raw: readonly string[], index: number): boolean {
  return /\d/.test(raw[index - 1] ?? "") || /\d/.test(raw[index + 1] ?? "");
}

/** A lone dash is punctuation between words and a minus between numbers. */
function symbol(word: string, raw: readonly string[], index: number): readonly Word[] {
  return isBesideNumber(raw, index) ? [{ is: "identifier", text: word }] : [];
}

type Place = {
  readonly ends: boolean;
  readonly isFirst: boolean;
  readonly isShouted: boolean;
  readonly isCased: boolean;
};

function classify(core: string, place: Place): readonly Word[] {
  const number = readNumber(core);
  if (number) return [number];
  if (HYPHENATED.test(core)) {
    const parts = core.split("-");
    return parts.flatMap((part, index) => classify(part, { ...place, ends: place.ends && index === parts.length - 1 }));
  }
  const plain = core.replaceAll("’", "'");
  if (!LETTERS.test(plain)) return [{ is: "identifier", text: core }];
  return spellOut(plain, place);
}

function readNumber(core: string): Word | undefined {
  const [, sign = "", currency = "", digits = "", suffix = ""] = NUMBER.exec(core) ?? [];
  if (digits === "") return undefined;
  const unit = currency || suffix;
  const known = units.get(unit) ?? units.get(unit.toLowerCase());
  if (unit !== "" && (known === undefined || ORDINAL.test(suffix) || (currency !== "" && suffix !== "")))
    return undefined;
  return { is: "number", value: sign.replace("+", "") + digits.replaceAll(",", ""), unit: known ?? "" };
}

function spellOut(word: string, place: Place): readonly Word[] {
  const { ends } = place;
  const lower = word.toLowerCase();
  const casing = casingOf(word, place);
  const plain = (text: string): Word => ({ is: "word", lower: text, casing: "unknown", ends });
  const spelled = contractions[lower];
  if (spelled) return spelled.map(plain);
  const [stem = "", ending] = lower.split("'");
  const isAcronym = ALL_CAPS.test(word) && !place.isShouted;
  if (ending === undefined) return [{ is: "word", lower: isAcronym ? word : lower, casing, ends }];
  if (ending === "t" && stem.endsWith("n")) return [plain(stem.slice(0, -1)), plain("not")];
  const helper = endings[ending];
  if (helper) return [plain(stem), plain(helper)];
  if (ending === "s" && beforeIs.test(stem)) return [plain(stem), plain("is")];
  return [{ is: "word", lower: stem, casing, ends: false }, { is: "possessive" }];
}

function casingOf(word: string, { isFirst, isShouted, isCased }: Place): Casing {
  if (isShouted || /^[iI]('|$)/.test(word)) return "unknown";
  // Capitals inside a word are no sentence's start: PayPal, US.
  if (ALL_CAPS.test(word) || /\p{Ll}\p{Lu}/u.test(word)) return "name";
  if (isFirst) return "unknown";
  if (/^\p{Lu}/u.test(word)) return "name";
  return isCased ? "plain" : "unknown";
}
