import assert from "node:assert/strict";
import { test } from "node:test";
import { complexityOf, countFields } from "./complexity.ts";

const plain = { tools: 0, outputFields: 0, hasMedia: false };
const hard = `Compare the two designs and explain why the second one fails. It must keep at least 3 replicas, should never
lose a write unless the region is gone, and only if the quorum holds may it answer before the commit. What are the
trade-offs? Which would you plan for? Analyse the root cause step by step. function commit() { return quorum >= 2; }`;

test("a question of fact is simple, a task to think through is complex, and the figure never changes", () => {
  const simple = complexityOf({ ...plain, text: "How long does a refund take?" });
  const complex = complexityOf({ ...plain, text: hard });
  assert.ok(simple < 0.2, String(simple));
  assert.ok(complex > 0.5, String(complex));
  for (let n = 0; n < 10; n++) assert.equal(complexityOf({ ...plain, text: hard }), complex);
});

test("length alone makes nothing hard; tools, fields and media add a little; the score stays in 0..1", () => {
  const long = complexityOf({ ...plain, text: "word ".repeat(100_000) });
  assert.ok(long < 0.5, String(long));
  const more = complexityOf({ text: hard.repeat(40), tools: 64, outputFields: 99, hasMedia: true });
  assert.ok(more > complexityOf({ ...plain, text: hard }) && more <= 1, String(more));
});

test("fields are counted through objects and lists", () => {
  const leaf = { type: "string" };
  const schema = { properties: { a: leaf, b: { properties: { c: leaf } }, d: { items: { properties: { e: leaf } } } } };
  assert.equal(countFields(schema), 5);
});
