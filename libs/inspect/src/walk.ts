import { type Classification, type Finding, highestOf } from "./finding.ts";
import { inspectText } from "./inspect-text.ts";
import type { Policy } from "./policy.ts";

export type PathFinding = Finding & {
  /** Where it was found, for instance `ticket.messages[2].body`. Offsets are those in that string. */
  readonly path: string;
};

/** What a walk over a value collects. */
export type Walk = {
  readonly policy: Policy;
  readonly findings: PathFinding[];
  classification: Classification;
  blocked: boolean;
  problem: string | undefined;
};

/** Deeper than any sensible message, and far from the end of the stack. */
export const maxDepth = 128;
/** The shortest card has 13 digits; a smaller number holds nothing. */
const leastSuspectNumber = 1e12;

/** Inspects all strings below a value; returns the value itself when nothing in it was redacted. */
export function walkValue(walk: Walk, value: unknown, path: string, depth = 0): unknown {
  if (typeof value === "string") return walkText(walk, value, path);
  if (typeof value === "number" || typeof value === "bigint") return walkNumber(walk, value, path);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) {
    walk.blocked = true;
    walk.problem ??= `${path}: nested deeper than ${maxDepth} levels, which is not inspected; send it flatter`;
    return null;
  }
  if (Array.isArray(value)) return walkList(walk, value, path, depth);
  return isPlain(value) ? walkObject(walk, value, path, depth) : value;
}

/** Inspects one string. */
export function walkText(walk: Walk, text: string, path: string): string {
  const { findings, classification, blocked, redacted } = inspectText(text, walk.policy);
  if (findings.length === 0) return text;
  for (const finding of findings) walk.findings.push({ ...finding, path });
  walk.classification = highestOf(walk.classification, classification);
  walk.blocked ||= blocked;
  return redacted;
}

function walkNumber(walk: Walk, value: number | bigint, path: string): unknown {
  if (value < leastSuspectNumber && value > -leastSuspectNumber) return value;
  const text = String(value);
  const redacted = walkText(walk, text, path);
  return redacted === text ? value : redacted;
}

function walkList(walk: Walk, list: readonly unknown[], path: string, depth: number): unknown {
  let copy: unknown[] | undefined;
  for (const [index, item] of list.entries()) {
    const redacted = walkValue(walk, item, `${path}[${index}]`, depth + 1);
    if (Object.is(redacted, item)) continue;
    copy ??= [...list];
    copy[index] = redacted;
  }
  return copy ?? list;
}

function walkObject(walk: Walk, object: object, path: string, depth: number): unknown {
  const entries: [string, unknown][] = Object.entries(object);
  let changed = false;
  for (const entry of entries) {
    const [key, item] = entry;
    const at = path === "" ? key : `${path}.${key}`;
    entry[1] = walkValue(walk, item, at, depth + 1);
    entry[0] = walkText(walk, key, path === "" ? "(key)" : `${path}.(key)`);
    changed ||= entry[0] !== key || !Object.is(entry[1], item);
  }
  return changed ? fromEntries(entries) : object;
}

/** Keys that redaction made equal are numbered, so that no value is lost. */
function fromEntries(entries: readonly [string, unknown][]): Record<string, unknown> {
  const seen = new Map<string, number>();
  return Object.fromEntries(
    entries.map(([key, item]) => {
      const times = (seen.get(key) ?? 0) + 1;
      seen.set(key, times);
      return [times === 1 ? key : `${key}#${times}`, item];
    }),
  );
}

/** Dates, bytes and the like are opaque: their text is nobody's writing. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
