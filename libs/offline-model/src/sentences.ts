import { hostileMask } from "./hostile.ts";

const MAX_SENTENCES = 1500;
const MAX_SENTENCE_CHARS = 600;
/** A line this long that does not end a sentence was wrapped by an editor, not ended by its writer. */
const WRAPPED_LINE_CHARS = 50;

const LIST_ITEM = /^(?:[-*+•]\s+|(\d{1,2}[.)])\s+)/;
const ENDS_SENTENCE = /[.!?…:。！？]["')\]]*$/u;
const ABBREVIATION = /(?:^|[\s(])(?:e\.g|i\.e|mr|mrs|ms|dr|vs|no|approx|\d{1,2})\.$/i;

/** The paragraphs of a text: wrapped lines joined, Markdown marks, tables, headings and code fences left out. */
function blocksOf(text: string): string[] {
  const blocks: string[] = [];
  let open = "";
  function close(): void {
    if (open !== "") blocks.push(open);
    open = "";
  }
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim().replace(/^>\s?/, "");
    if (line === "" || line.startsWith("#") || line.startsWith("|") || line.startsWith("```") || line === "---") {
      close();
      continue;
    }
    const item = LIST_ITEM.exec(line);
    if (item !== null || open.length < WRAPPED_LINE_CHARS || ENDS_SENTENCE.test(open.slice(-4))) close();
    const words = item === null ? line : line.slice(item[0].length);
    open = open === "" ? words : `${open} ${words}`;
  }
  close();
  return blocks;
}

function plain(text: string): string {
  return text
    .replace(/\*\*|__|`/g, "")
    .replace(/\[([^\][]{1,200})\]\([^()\s]{1,500}\)/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

/** The sentences of a text, Markdown marks taken off, at most 1500 of at most 600 characters. */
export function sentencesOf(text: string): string[] {
  const sentences: string[] = [];
  for (const block of blocksOf(text)) {
    let open = "";
    for (const piece of plain(block).split(/(?<=[.!?…]["')\]]?)\s+|(?<=[。！？])/u)) {
      open = open === "" ? piece : `${open} ${piece}`;
      if (ABBREVIATION.test(open.slice(-12))) continue;
      sentences.push(clipSentence(open));
      open = "";
      if (sentences.length >= MAX_SENTENCES) return sentences;
    }
    if (open !== "") sentences.push(clipSentence(open));
  }
  return sentences.filter((sentence) => sentence !== "");
}

function clipSentence(sentence: string): string {
  return sentence.length <= MAX_SENTENCE_CHARS ? sentence : `${sentence.slice(0, MAX_SENTENCE_CHARS - 1)}…`;
}

/** The sentences of a text nobody vouches for, without those that try to instruct the model. */
export function cleanSentences(text: string): { sentences: string[]; hostile: number } {
  const all = sentencesOf(text);
  const mask = hostileMask(all);
  const sentences = all.filter((_, index) => mask[index] !== true);
  return { sentences, hostile: all.length - sentences.length };
}
