import assert from "node:assert/strict";
import { test } from "node:test";
import { scoreAnswer, withJudgement } from "./quality.ts";

const settings = { minChars: 1, maxChars: 200, citations: false };
const score = (text: string, more = {}, set = {}) =>
  scoreAnswer({ text, satisfiesSchema: undefined, toolCalls: [], ...more }, { ...settings, ...set });

test("a plain answer is as good as can be told; a refusal, a placeholder, an empty or a looping one is not", () => {
  assert.equal(score("A refund reaches the card within five working days.").score, 1);
  assert.ok(score("I'm sorry, but I can't help with that.").score <= 0.2);
  assert.ok(score("As an AI language model I am impartial.").score <= 0.2);
  assert.ok(score("Dear {{name}}, your refund is on its way.").score <= 0.5);
  assert.ok(score("").score < 1);
  assert.ok(score("go on and on and on ".repeat(9)).score < 0.85);
  assert.equal(score("I can help with that: I cannot see the order yet.").checks[1]?.score, 1);
});

test("length counts against its bounds, a schema where there is one", () => {
  const check = (quality: ReturnType<typeof score>, name: string) =>
    quality.checks.find((each) => each.name === name)?.score;
  assert.equal(check(score("x".repeat(400)), "length"), 0.5);
  assert.equal(check(score("ab", {}, { minChars: 4 }), "length"), 0.5);
  assert.equal(check(score("{}", { satisfiesSchema: true }), "schema"), 1);
  assert.equal(check(score("hi"), "schema"), undefined);
});

test("citations are what tools gave, and a link nobody gave counts against", () => {
  const toolCalls = [{ failed: false, result: '[{"id":"refunds","url":"https://kb.example/refunds"}]' }];
  const cited = (text: string) =>
    score(text, { toolCalls }, { citations: true }).checks.find(({ name }) => name === "citations")?.score;
  assert.equal(cited("Five days [refunds]."), 1);
  assert.equal(cited("Five days, see https://kb.example/refunds"), 1);
  assert.equal(cited("Five days."), 0);
  assert.equal(cited("Five days [refunds], https://made.up/x"), 0.5);
});

test("a judge weighs as much as all checks together", () => {
  const judged = withJudgement(score("fine"), { score: 0.5, detail: "vague" });
  assert.deepEqual([judged.score, judged.checks.at(-1)], [0.75, { name: "judge", score: 0.5, detail: "vague" }]);
});
