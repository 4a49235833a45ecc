import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { completeOffline } from "./complete.ts";
import { parseJson } from "./json.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";

function fill(schema: Record<string, unknown>, text: string, system = "") {
  const choice = completeOffline({
    messages: [
      { role: "system", content: system },
      { role: "user", content: text },
    ],
    response_format: { type: "json_schema", json_schema: { name: "output", schema } },
  }).choices[0];
  return parseJson(choice?.message.content ?? "");
}

function object(properties: Record<string, unknown>, required = Object.keys(properties)): Record<string, unknown> {
  return { type: "object", properties, required, additionalProperties: false };
}

const NAMES = [
  "category",
  "priority",
  "answer",
  "summary",
  "confidence",
  "score",
  "approved",
  "citations",
  "tags",
  "customer_id",
  "amount",
  "note",
  "toString",
];

const leaf = fc.oneof(
  fc.record({ type: fc.constant("boolean") }),
  fc.record({ type: fc.constant("null") }),
  fc
    .tuple(fc.nat({ max: 20 }), fc.nat({ max: 60 }))
    .map(([low, more]) => ({ type: "string", minLength: low, maxLength: low + more })),
  fc
    .tuple(fc.integer({ min: -50, max: 50 }), fc.nat({ max: 100 }))
    .map(([low, more]) => ({ type: "integer", minimum: low, maximum: low + more })),
  fc
    .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 100 }))
    .map(([low, more]) => ({ type: "number", exclusiveMinimum: low, exclusiveMaximum: low + more })),
  fc.integer({ min: 1, max: 9 }).map((step) => ({ type: "integer", multipleOf: step, minimum: step })),
  fc
    .uniqueArray(fc.string({ maxLength: 8 }), { minLength: 1, maxLength: 5 })
    .map((values) => ({ type: "string", enum: values })),
  fc.constantFrom("x", 7, true, null).map((value) => ({ const: value })),
);

const schemas = fc.letrec<{ node: Record<string, unknown>; inner: Record<string, unknown> }>((tie) => ({
  node: fc.oneof({ maxDepth: 3, depthSize: "small" }, leaf, tie("inner")),
  inner: fc.oneof(
    fc
      .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie("node"), fc.boolean()), {
        selector: ([name]) => name,
        maxLength: 5,
      })
      .map((parts) =>
        object(
          Object.fromEntries(parts.map(([name, schema]) => [name, schema])),
          parts.filter(([, , required]) => required).map(([name]) => name),
        ),
      ),
    fc
      .tuple(tie("node"), fc.nat({ max: 3 }), fc.nat({ max: 4 }))
      .map(([items, low, more]) => ({ type: "array", items, minItems: low, maxItems: low + more })),
    fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    tie("node")
      .map((schema) => ({ $ref: "#/$defs/part", $defs: { part: schema } }))
      .map(({ $defs }) => ({ allOf: [$defs.part] })),
  ),
})).node;

test("whatever the schema and the text, the output validates", () => {
  const ajv = new Ajv2020({ strict: false, ownProperties: true });
  fc.assert(
    fc.property(
      schemas.map((schema) => object({ output: schema })),
      fc.string({ unit: "grapheme", maxLength: 300 }),
      (schema, text) => {
        const value = fill(schema, `Order ORD-12 of 30 items is late. ${text}`);
        const validate = ajv.compile(schema);
        assert.ok(
          validate(value),
          `${JSON.stringify(schema)} → ${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("words a description lists for a value weigh most, then those of the instructions", () => {
  const team = {
    type: "string",
    enum: ["north", "south"],
    description: "north: trains, ferries; south: planes, airports",
  };
  assert.deepEqual(fill(object({ team }), "My ferry was late"), { team: "north" });
  assert.deepEqual(fill(object({ team }), "The airport was closed"), { team: "south" });
  const bare = { type: "string", enum: ["alpha", "beta"] };
  const told = "Choose a desk.\n- `alpha`: wine, cheese\n- `beta`: bread, cakes";
  assert.deepEqual(fill(object({ desk: bare }), "I miss my cake", told), { desk: "beta" });
});

test("nullable, anyOf and $ref are followed; what is not there is null", () => {
  const schema = {
    ...object({
      order_id: { type: ["string", "null"] },
      email: { anyOf: [{ type: "string", format: "email" }, { type: "null" }] },
      amount: { $ref: "#/$defs/money" },
    }),
    $defs: { money: { type: ["number", "null"], description: "The amount in euros" } },
  };
  assert.deepEqual(fill(schema, "Order ORD-9 cost an amount of 49.90€, write to ann@example.com"), {
    order_id: "ORD-9",
    email: "ann@example.com",
    amount: 49.9,
  });
  assert.deepEqual(fill(schema, "Good morning"), { order_id: null, email: null, amount: null });
});

test("a schema that contains itself ends", () => {
  const schema = {
    ...object({ tree: { $ref: "#/$defs/node" } }),
    $defs: {
      node: object({
        name: { type: "string" },
        next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] },
        children: { type: "array", items: { $ref: "#/$defs/node" } },
      }),
    },
  };
  assert.ok(new Ajv2020({ strict: false }).validate(schema, fill(schema, "a text")));
  const endless = {
    ...object({ node: { $ref: "#/$defs/node" } }),
    $defs: { node: object({ node: { $ref: "#/$defs/node" } }) },
  };
  assert.throws(() => fill(endless, "a text"), UnsupportedByOfflineModel);
  assert.throws(() => fill(object({ a: { $ref: "#/$defs/none" } }), "a text"), UnsupportedByOfflineModel);
});

test("steps, tasks and thoughts are what the text asks for or says, in its order, at most eight", () => {
  const text = "How long does a refund take? How do I reset my password?";
  const steps = { type: "array", items: { type: "string" }, minItems: 1 };
  const asked = ["How long does a refund take?", "How do I reset my password?"];
  assert.deepEqual(fill(object({ steps }), text), { steps: asked });
  assert.deepEqual(fill(object({ thoughts: steps }), text), { thoughts: asked });
  const many = Array.from({ length: 20 }, (_, index) => `Check lamp ${index} now.`).join(" ");
  const { tasks } = JSON.parse(JSON.stringify(fill(object({ tasks: steps }), many)));
  assert.equal(tasks.length, 8);
});

test("lists of objects come from the user's data", () => {
  const items = { type: "array", items: object({ sku: { type: "string" }, count: { type: "integer" } }) };
  const data = {
    order: {
      lines: [
        { sku: "A-1", count: 2, colour: "red" },
        { sku: "B-2", count: 1 },
      ],
    },
    body: "Please check my order",
  };
  assert.deepEqual(fill(object({ items }), JSON.stringify(data)), {
    items: [
      { sku: "A-1", count: 2 },
      { sku: "B-2", count: 1 },
    ],
  });
});
