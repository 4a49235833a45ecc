import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recogniser } from "../finding.ts";

/**
 * One test per text. In `positives` what is to be found stands between « and », which are taken out first; in
 * `negatives` nothing is to be found.
 */
export function recognises(
  name: string,
  find: Recogniser,
  positives: readonly string[],
  negatives: readonly string[],
): void {
  for (const marked of positives) {
    test(`${name} is found in: ${marked.slice(0, 80)}`, () => {
      const text = marked.replace(/[«»]/g, "");
      const wanted = Array.from(marked.matchAll(/«([^»]*)»/g), (match) => match[1]);
      assert.deepEqual(
        find(text).map(({ start, end }) => text.slice(start, end)),
        wanted,
      );
    });
  }
  for (const text of negatives) {
    test(`no ${name} is found in: ${text.slice(0, 80)}`, () => {
      assert.deepEqual(
        find(text).map(({ start, end }) => text.slice(start, end)),
        [],
      );
    });
  }
}
