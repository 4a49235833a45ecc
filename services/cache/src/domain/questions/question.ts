import type { Casing } from "./split-words.ts";

/** A word, a number with its unit or a code that the answer depends on. */
export type Term = {
  /** As written, in lower case; acronyms as they are. */
  readonly surface: string;
  /** In the singular; of synonyms the one that stands for all. */
  readonly canonical: string;
  /** The relation in front of it, for instance `from`; empty: none. */
  readonly role: string;
  readonly casing: Casing;
  /** A negation stands in front of it. */
  readonly isNegated: boolean;
};

export type Amount = { readonly value: string; readonly unit: string };

/** All of a question that must be the same in another one for their answers to be. */
export type Question = {
  /** how, what, who, …, `yes or no`, or `none` of a phrase or command. */
  readonly kind: string;
  /** The auxiliary it begins with; empty: none. */
  readonly auxiliary: "do" | "be" | "";
  /** Numbers and codes too, in the order written. */
  readonly terms: readonly Term[];
  /** With their units, in the order written. */
  readonly numbers: readonly Amount[];
  /** Codes, addresses and operators, in the order written. */
  readonly identifiers: readonly string[];
  readonly negations: number;
  /** ability, advice, duty, future, past; sorted. */
  readonly modality: readonly string[];
  /** first, second, he, she, they, in the order written. */
  readonly persons: readonly string[];
};
