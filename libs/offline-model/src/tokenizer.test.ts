import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countTokens, firstTokens, tokenSlices } from "./tokenizer.ts";

test("words count in pieces of five letters, digits by three, marks and CJK one each", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["hello", 1],
    ["hello world", 2],
    ["invoices", 2],
    ["12345", 2],
    ["a, b.", 4],
    ["one\n\ntwo", 3],
    ["日本語", 3],
    ["👍🏽", 2],
    ["Grüße", 1],
    ['{"a":1}', 7],
  ];
  for (const [text, tokens] of cases) assert.equal(countTokens(text), tokens, text);
});

test("slices joined give the text back, and none is longer than asked", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.integer({ min: 1, max: 7 }), (text, size) => {
      const slices = tokenSlices(text, size);
      assert.equal(slices.join(""), text);
      assert.equal(slices.length, Math.ceil(countTokens(text) / size));
    }),
  );
});

test("the first tokens are a prefix of that many tokens", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), fc.nat({ max: 50 }), (text, limit) => {
      const head = firstTokens(text, limit);
      assert.ok(text.startsWith(head));
      assert.equal(countTokens(head), Math.min(limit, countTokens(text)));
    }),
  );
});
