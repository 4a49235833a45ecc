import assert from "node:assert/strict";
import { test } from "node:test";
import { learnedBound, MAX_LOWERING } from "./learned-bound.ts";
import { isSameAnswer } from "./same-answer.ts";

const THRESHOLD = 0.85;
const agreed = (score: number) => ({ score, same: true });
const differed = (score: number) => ({ score, same: false });

test("a bound begins at the threshold, and one confirmation does not move it", () => {
  assert.equal(learnedBound(THRESHOLD, []), THRESHOLD);
  assert.equal(learnedBound(THRESHOLD, [agreed(0.8)]), THRESHOLD);
});

test("answers that agreed let it down to their score, within bounds", () => {
  assert.equal(learnedBound(THRESHOLD, [agreed(0.8), agreed(0.82)]), 0.8);
  assert.equal(learnedBound(THRESHOLD, [agreed(0.5), agreed(0.5)]), THRESHOLD - MAX_LOWERING);
});

test("an answer that differed keeps it above that score, whatever agreed", () => {
  assert.ok(learnedBound(THRESHOLD, [differed(0.9)]) > 0.9);
  assert.ok(learnedBound(THRESHOLD, [differed(1), agreed(1), agreed(1)]) > 1, "it never answers again");
  assert.ok(learnedBound(THRESHOLD, [agreed(0.78), agreed(0.79), differed(0.8)]) > 0.8);
  assert.equal(learnedBound(THRESHOLD, [differed(0.7), agreed(0.8), agreed(0.81)]), 0.8);
});

test("answers are the same in other words but not with other figures or a negation", () => {
  const answer = (text: string, output?: unknown) => Buffer.from(JSON.stringify({ text, output }));
  const refund = answer("A refund reaches the card within 5 working days.");
  assert.ok(isSameAnswer(refund, answer("A refund reaches the card within 5 working days.")));
  assert.ok(isSameAnswer(refund, answer("a refund reaches your card within 5 working days")));
  assert.ok(!isSameAnswer(refund, answer("A refund reaches the card within 7 working days.")));
  assert.ok(!isSameAnswer(refund, answer("A refund never reaches the card within 5 working days.")));
  assert.ok(!isSameAnswer(refund, answer("Choose forgotten password on the sign-in page.")));
  assert.ok(isSameAnswer(answer("", { a: 1, b: 2 }), Buffer.from('{"output":{"b":2,"a":1},"text":""}')));
  assert.ok(!isSameAnswer(answer("", { a: 1 }), answer("", { a: 2 })));
});
