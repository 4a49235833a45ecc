import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Comparison, compareQuestions } from "./compare-questions.ts";
import { readQuestion } from "./read-question.ts";

function compare(a: string, b: string): Comparison {
  return compareQuestions(readQuestion(a), readQuestion(b));
}

const words = fc.constantFrom(
  ..."how what who is do can i you the a of in from to not reset move Berlin Paris file files 5 kg A-1 she by if and Bob's".split(
    " ",
  ),
);
const sentences = fc.array(words, { minLength: 1, maxLength: 10 }).map((list) => list.join(" "));

test("a question is itself, and whoever compares, the outcome is one", () => {
  fc.assert(
    fc.property(sentences, sentences, (a, b) => {
      const same = compare(a, a);
      assert.ok(same.veto === undefined ? same.alignment === 1 : same.veto === "other words", a);
      assert.equal(compare(a, b).veto === undefined, compare(b, a).veto === undefined);
    }),
    { numRuns: 500 },
  );
});

test("any text is read within its length, whatever it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 500 }), (text) => {
      assert.ok(readQuestion(text).terms.length <= text.length + 1);
    }),
  );
  const startedAtMs = performance.now();
  readQuestion("please ".repeat(20_000));
  readQuestion(`${"a-".repeat(50_000)}?`);
  readQuestion("what is the way to ".repeat(5_000));
  assert.ok(performance.now() - startedAtMs < 2_000);
});

test("each kind of difference is refused for its own reason", () => {
  for (const [veto, a, b] of [
    ["number", "Can I return it after 14 days?", "Can I return it after 30 days?"],
    ["unit", "Is 5 kg too much?", "Is 5 lb too much?"],
    ["identifier", "Where is order A-1?", "Where is order A-2?"],
    ["negation", "Which bills are paid?", "Which bills are not paid?"],
    ["kind", "When does it open?", "Where does it open?"],
    ["time", "Did the parcel arrive?", "Will the parcel arrive?"],
    ["person", "Is her flight late?", "Is his flight late?"],
    ["name", "What is the capital of France?", "What is the capital of Spain?"],
    ["opposite", "How do I enable sync?", "How do I disable sync?"],
    ["order", "How do I fly from Rome to Oslo?", "How do I fly from Oslo to Rome?"],
    ["other words", "How do I reset my router?", "How do I reset my watch?"],
    ["restriction", "Delete all files", "Delete files"],
  ] as const) {
    assert.equal(compare(a, b).veto, veto, `${a} | ${b}`);
  }
});

test("courtesy, grammar and spelling that mean nothing cost nothing or little", () => {
  for (const [a, b] of [
    ["How do I reset my password?", "Could you please tell me how to reset a password"],
    ["What is the capital of France?", "what's France's capital?"],
    ["In Germany, what is the VAT rate?", "What is the VAT rate in Germany?"],
    ["How do I turn on dark mode?", "how can I enable dark mode"],
    ["Is it possible to pay within seven days?", "Can I pay within 7 days?"],
  ] as const) {
    const { veto, ...rest } = compare(a, b);
    assert.equal(veto, undefined, `${a} | ${b}`);
    assert.ok("alignment" in rest && rest.alignment > 0.95);
  }
});
