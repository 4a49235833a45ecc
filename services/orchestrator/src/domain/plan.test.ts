import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCondition, compileMapping } from "@agentmesh/mapping";
import { planOf } from "./advance.fixture.ts";
import { compileInputSchema } from "./input-schema.ts";

const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", ...more });

test("workflows that cannot run are refused with the field and what to do", () => {
  const refused = (steps: object[], field: string, message: RegExp, more: object = {}) =>
    assert.throws(
      () => planOf({ steps, ...more }),
      (error: Error & { field: string }) => {
        assert.equal(error.field, field);
        assert.match(error.message, message);
        return true;
      },
    );
  refused([tool("a"), tool("a")], "steps[1].id", /the id a stands twice/);
  refused([tool("a", { dependsOn: ["x"] })], "steps[0].dependsOn", /no step x; the steps are a/);
  refused(
    [tool("a", { dependsOn: ["c"] }), tool("b", { dependsOn: ["a"] }), tool("c", { dependsOn: ["b"] })],
    "steps[0].dependsOn",
    /a → c → b → a|wait for each other/,
  );
  refused([tool("a", { dependsOn: ["a"] })], "steps[0].dependsOn", /a → a/);
  refused([tool("a"), tool("b", { input: { x: "$.steps.a.output" } })], "steps[1].input", /add it to dependsOn/);
  refused([tool("a", { input: "$.steps" })], "steps[0].input", /starts at neither \$\.input nor/);
  refused([tool("a", { when: { value: "input.x", exists: true } })], "steps[0].when", /not of the form/);
  refused([tool("a", { gate: { value: "$.steps.a.output" } })], "steps[0].gate.value", /has not ended by then/);
  refused([tool("a")], "output", /has output, state and gate, no result/, { output: "$.steps.a.result" });
  refused([tool("a", { input: "$.input.a b" })], "steps[0].input", /not of the form/);
});

test("a diamond is ordered after its dependencies whatever the order of declaration", () => {
  const plan = planOf({
    steps: [
      tool("d", { dependsOn: ["b", "c"] }),
      tool("c", { dependsOn: ["a"] }),
      tool("b", { dependsOn: ["a"] }),
      tool("a"),
    ],
  });
  const order = plan.steps.map((step) => step.spec.id);
  assert.equal(order[0], "a");
  assert.equal(order[3], "d");
});

test("mappings follow own members only, escape, and give null for what is missing", () => {
  const scope = { input: { list: [{ n: 1 }], text: "$.not" } };
  assert.deepEqual(
    compileMapping({
      a: "$.input.list[0].n",
      b: "$.input.list.0",
      c: "$.input.nope.x",
      d: "$$.input",
      e: ["$.input.text", 5],
    })(scope),
    { a: 1, b: { n: 1 }, c: null, d: "$.input", e: ["$.not", 5] },
  );
  for (const path of ["$.input.constructor", "$.input.__proto__", "$.input.list.map", "$.input.text.length"]) {
    assert.equal(compileMapping(path)(scope), null, path);
  }
  const hostile: unknown = JSON.parse('{"__proto__": {"polluted": true}}');
  const made = compileMapping(hostile)(scope);
  assert.equal(JSON.stringify(made), '{"__proto__":{"polluted":true}}');
  assert.equal(Reflect.get({}, "polluted"), undefined);
});

test("conditions compare, combine, and treat a missing value as null", () => {
  const holds = (condition: Parameters<typeof compileCondition>[0]) =>
    compileCondition(condition)({ input: { n: 3, s: "x", o: { a: [1] } } });
  assert.ok(holds({ value: "$.input.n", atLeast: 3 }));
  assert.ok(!holds({ value: "$.input.n", below: 3 }));
  assert.ok(holds({ value: "$.input.o", equals: { a: [1] } }));
  assert.ok(holds({ value: "$.input.s", in: ["y", "x"] }));
  assert.ok(holds({ value: "$.input.gone", equals: null }));
  assert.ok(holds({ value: "$.input.gone", exists: false }));
  assert.ok(!holds({ value: "$.input.s", atLeast: 0 }));
  assert.ok(
    holds({ all: [{ value: "$.input.n", notEquals: 4 }, { any: [{ not: { value: "$.input.s", exists: false } }] }] }),
  );
  assert.throws(
    () => planOf({ steps: [tool("a", { when: { value: "$.input.n", equals: 1, below: 3 } })] }),
    /exactly one/,
  );
});

test("an input schema says what is wrong, and a bad schema is refused", () => {
  const check = compileInputSchema({
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    required: ["id"],
    properties: { id: { type: "string" }, level: { enum: ["low", "high"] } },
    additionalProperties: false,
  });
  assert.equal(check({ id: "7" }), undefined);
  assert.match(check({}) ?? "", /input must have required property 'id'/);
  assert.match(check({ id: 7 }) ?? "", /input\.id must be string/);
  assert.match(check({ id: "7", x: 1 }) ?? "", /additional properties \("x"\)/);
  assert.match(check({ id: "7", level: "mid" }) ?? "", /\["low","high"\]/);
  assert.throws(() => compileInputSchema({ type: "text" }), { reason: "BAD_SCHEMA" });
  assert.throws(() => compileInputSchema({ $ref: "https://example.com/schema" }), { reason: "BAD_SCHEMA" });
});
