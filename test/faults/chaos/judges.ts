// What an ended run of the chaos, and the books of the world outside, must agree on.
import type { Applied } from "../effects/effect-book.ts";

type Outcome = "succeeded" | "failed" | "cancelled";

/** What is known of a run that ended. */
export type Ended = {
  readonly state: string;
  /** Of its approval, if it had one. */
  readonly approval: string | undefined;
  /** Of its steps that succeeded: their place in the history, by step key. */
  readonly doneSeq: ReadonlyMap<string, number>;
};

/** @returns what is wrong with an ended run and with what it did, for people */
export type Judge = (
  ended: Ended,
  applied: readonly Applied[],
  input: Readonly<Record<string, unknown>>,
) => readonly string[];

/** Groups of effects one after the other; within one in any order. */
type Groups = readonly (readonly string[])[];

function labelOf({ step, index }: Applied): string {
  return step.includes("item") ? `${step}#${index}` : step;
}

/** Compares what happened, in order, with what should have. */
function inOrder(applied: readonly Applied[], groups: Groups): string[] {
  const found = applied.map(labelOf);
  const wanted = groups.flat();
  let at = 0;
  for (const group of groups) {
    const part = found.slice(at, at + group.length);
    if ([...part].sort().join() !== [...group].sort().join()) {
      return [`effects ${found.join(", ")}; expected ${wanted.join(", ")}`];
    }
    at += group.length;
  }
  return found.length === wanted.length
    ? []
    : [`effects ${found.join(", ")}; expected no more than ${wanted.join(", ")}`];
}

/** It ended so, and did this. */
export function ends(wanted: Outcome, groups: Groups): Judge {
  return ({ state }, applied) => [...(state === wanted ? [] : [`ended ${state}`]), ...inOrder(applied, groups)];
}

/** Undone in the reverse of the order in which they were counted; what nobody could count comes first. */
export function itemsUndoneInReverse({ doneSeq }: Ended, applied: readonly Applied[]): string[] {
  const undone = applied.filter(({ step }) => step === "undo-item").map(({ index }) => index);
  const places = undone.map((index) => doneSeq.get(`items#${index + 1}`) ?? Number.POSITIVE_INFINITY);
  const sorted = places.every((place, at) => at === 0 || place <= (places[at - 1] ?? 0));
  return sorted ? [] : [`items undone as ${undone.join(", ")}, counted at ${places.join(", ")}`];
}

/** Cancelled anywhere: what was done is undone in reverse; an undo of what was not done is harmless. */
export function cancelledSaga({ state }: Ended, applied: readonly Applied[]): string[] {
  const found = applied.map(({ step }) => step);
  if (state === "succeeded") return inOrder(applied, [["order"], ["reserve"], ["charge"], ["done"]]);
  if (state !== "cancelled") return [`ended ${state}`];
  const forward = found.filter((step) => !step.startsWith("undo-"));
  const undone = found.filter((step) => step.startsWith("undo-"));
  const known = ["order", "reserve", "charge"];
  const missing = forward.filter((step) => known.includes(step) && !undone.includes(`undo-${step}`));
  const reverse = [...known].reverse().map((step) => `undo-${step}`);
  const sorted = undone.map((step) => reverse.indexOf(step));
  return [
    ...missing.map((step) => `${step} was not undone`),
    ...forward.filter((step) => overtaken(found, step)).map((step) => `${step} happened after it was undone`),
    ...(sorted.every((place, at) => at === 0 || place > (sorted[at - 1] ?? 0))
      ? []
      : [`undone as ${undone.join(", ")}`]),
  ];
}

function overtaken(found: readonly string[], step: string): boolean {
  const undone = found.indexOf(`undo-${step}`);
  return undone >= 0 && undone < found.indexOf(step);
}
