import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCondition, compileMapping, conditionSchema } from "../src/index.ts";

const scope = { args: { id: "7", list: [1, 2] }, answer: { state: "booked", amount: 5 } };

test("a mapping is JSON with paths in it; what leads nowhere is null, $$. is the text itself", () => {
  const mapping = { id: "$.args.id", second: "$.args.list[1]", none: "$.args.no.such", text: "$$.args", n: 1 };
  assert.deepEqual(compileMapping(mapping)(scope), { id: "7", second: 2, none: null, text: "$.args", n: 1 });
  assert.equal(compileMapping({ $first: ["$.args.no", "$.answer.state"] })(scope), "booked");
  assert.throws(() => compileMapping({ id: "$.args..id" }), { reason: "BAD_PATH" });
  assert.equal(Object.hasOwn(Object(compileMapping(JSON.parse('{"__proto__":1}'))(scope)), "__proto__"), true);
});

test("a condition compares what a path finds, alone or combined", () => {
  const holds = (condition: unknown) => compileCondition(conditionSchema.parse(condition))(scope);
  assert.equal(holds({ value: "$.answer.state", equals: "booked" }), true);
  assert.equal(holds({ not: { value: "$.answer.state", in: ["open", "booked"] } }), false);
  assert.equal(
    holds({
      all: [
        { value: "$.answer.amount", atLeast: 5 },
        { value: "$.args.no", exists: false },
      ],
    }),
    true,
  );
  assert.equal(
    holds({
      any: [
        { value: "$.answer.amount", below: 5 },
        { value: "$.args.id", notEquals: "7" },
      ],
    }),
    false,
  );
  assert.equal(conditionSchema.safeParse({ value: "$.a", equals: 1, below: 2 }).success, false);
});
