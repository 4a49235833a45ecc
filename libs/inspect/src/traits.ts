import { isDigit } from "./chars.ts";
import { type FindingKind, findingKinds } from "./finding.ts";

const digit = 1;
const at = 2;
const joint = 4;
const all = digit | at | joint;
/** `xoxb-` and ten characters. */
const shortestKey = 15;

const traitOf = traitTable();

/** The kinds worth looking for, from one cheap pass: most short texts can hold none. */
export function possibleKinds(text: string): readonly FindingKind[] {
  let traits = 0;
  for (let index = 0; index < text.length && traits !== all; index++) {
    const code = text.charCodeAt(index);
    if (code < 128) traits |= traitOf[code] ?? 0;
  }
  return traits === 0 && text.length < shortestKey ? [] : findingKinds.filter((kind) => isPossible(kind, text, traits));
}

function isPossible(kind: FindingKind, text: string, traits: number): boolean {
  if (kind === "api_key") return text.length >= shortestKey;
  if (kind === "email") return (traits & at) !== 0;
  if (kind === "ip") return (traits & digit) !== 0 && (traits & joint) !== 0;
  return (traits & digit) !== 0;
}

function traitTable(): Uint8Array {
  const table = new Uint8Array(128);
  for (let code = 0; code < table.length; code++) if (isDigit(code)) table[code] = digit;
  table["@".charCodeAt(0)] = at;
  table[":".charCodeAt(0)] = joint;
  table[".".charCodeAt(0)] = joint;
  return table;
}
