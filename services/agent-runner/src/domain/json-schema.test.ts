import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSchema } from "./json-schema.ts";

test("errors name the place and what was expected", () => {
  const schema = compileSchema(
    {
      type: "object",
      properties: { kind: { enum: ["a", "b"] }, at: { type: "string", format: "date-time" } },
      required: ["kind"],
      additionalProperties: false,
    },
    "spec.output",
  );
  assert.deepEqual(schema.check({ kind: "a", at: "2026-11-20T10:00:00Z" }), []);
  const errors = schema.check({ kind: "c", at: "soon", more: 1 }).join("\n");
  assert.match(errors, /\/kind must be equal to one of the allowed values: a, b/);
  assert.match(errors, /\/at must match format "date-time"/);
  assert.match(errors, /must NOT have additional properties: more/);
});

test("schemas that are misspelt, too large, too deep or reach outside are refused with their path", () => {
  let deep: Record<string, unknown> = { type: "string" };
  for (let depth = 0; depth < 40; depth++) deep = { type: "array", items: deep };
  const bad = [
    { type: "object", proprties: {} },
    { type: "string", format: "no-such-format" },
    { type: "strin" },
    { $ref: "https://example.com/schema.json" },
    { type: "string", pattern: "a".repeat(300) },
    { type: "string", description: "x".repeat(70_000) },
    deep,
  ];
  for (const schema of bad) {
    assert.throws(() => compileSchema(schema, "spec.output"), { reason: "BAD_SCHEMA", field: "spec.output" });
  }
});

test("schemas with the same $id do not meet, and a schema may refer to itself", () => {
  const first = compileSchema({ $id: "https://acme/x", type: "string" }, "a");
  const second = compileSchema({ $id: "https://acme/x", type: "number" }, "b");
  assert.deepEqual([first.check("s"), second.check(1)], [[], []]);
  const tree = {
    $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } } } },
    $ref: "#/$defs/node",
  };
  assert.deepEqual(compileSchema(tree, "c").check({ next: { next: {} } }), []);
});
