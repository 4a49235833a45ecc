import assert from "node:assert/strict";
import { test } from "node:test";
import { extractFacts } from "./extract-facts.ts";
import { foldTurns } from "./fold-turns.ts";
import { recall } from "./lexical-embedding.ts";

test("facts are what people say of themselves, each once; questions are none", () => {
  const input =
    "My name is Ada. How do I reset my password? I prefer answers in French! I prefer answers in French!\nRemember: is 4 the max?";
  assert.deepEqual(extractFacts(input), ["My name is Ada.", "I prefer answers in French!", "Remember: is 4 the max?"]);
  assert.equal(extractFacts(Array.from({ length: 50 }, (_, i) => `I have ${i} cats.`).join(" ")).length, 10);
});

test("what is recalled shares words with the question, nearest first", () => {
  const facts = ["I live in Lyon.", "My printer is a Brother HL-2350.", "I prefer printers from Canon."];
  assert.deepEqual(recall("my Brother printer is broken", facts, 1), ["My printer is a Brother HL-2350."]);
  assert.equal(recall("the printer is broken", facts, 5).length, 2);
  assert.deepEqual(recall("weather", facts, 5), []);
});

test("turns beyond the bounds are folded, the older half of what may stay is kept whole", () => {
  const turns = Array.from({ length: 6 }, (_, i) => ({ turn: i + 1, input: `q${i}`, answer: "a".repeat(10) }));
  assert.deepEqual(foldTurns(turns, { maxTurns: 6, maxBytes: 1_000 }), { folded: [], kept: turns });
  const byCount = foldTurns(turns, { maxTurns: 5, maxBytes: 1_000 });
  assert.deepEqual([byCount.folded.length, byCount.kept.length], [4, 2]);
  const byBytes = foldTurns(turns, { maxTurns: 50, maxBytes: 60 });
  assert.deepEqual([byBytes.folded.length, byBytes.kept.length], [4, 2]);
});
