import assert from "node:assert/strict";
import { test } from "node:test";
import { isAppError } from "@agentmesh/errors";
import fc from "fast-check";
import { createAgent } from "./agent.ts";
import { defineTestAgent, says, scriptedPorts } from "./definition.fixture.ts";
import { compileSchema } from "./json-schema.ts";
import { judgeOutput } from "./judge-output.ts";

type Pair = { readonly schema: Record<string, unknown>; readonly value: fc.Arbitrary<unknown> };

const leaf: fc.Arbitrary<Pair> = fc.constantFrom<Pair>(
  { schema: { type: "string", maxLength: 20 }, value: fc.string({ maxLength: 10 }) },
  { schema: { type: "integer", minimum: -5, maximum: 5 }, value: fc.integer({ min: -5, max: 5 }) },
  { schema: { type: "boolean" }, value: fc.boolean() },
  { schema: { enum: ["low", "high", null] }, value: fc.constantFrom("low", "high", null) },
);

/** Schemas up to three levels deep, each with values that satisfy it. */
const pairs: fc.Arbitrary<Pair> = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    tie("pair").map(({ schema, value }) => ({
      schema: { type: "array", items: schema, maxItems: 3 },
      value: fc.array(value, { maxLength: 3 }),
    })),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie("pair"), { maxKeys: 3 }).map((members) => ({
      schema: {
        type: "object",
        properties: Object.fromEntries(Object.entries(members).map(([name, { schema }]) => [name, schema])),
        required: Object.keys(members),
        additionalProperties: false,
      },
      value: fc.record(Object.fromEntries(Object.entries(members).map(([name, { value }]) => [name, value]))),
    })),
  ),
})).pair;

const objects = pairs.filter(({ schema }) => schema.type === "object");

test("what satisfies a schema is accepted as it is, bare or in a fence", () => {
  const withValue = objects.chain(({ schema, value }) => value.map((each) => ({ schema, value: each })));
  fc.assert(
    fc.property(withValue, fc.boolean(), ({ schema, value }, isFenced) => {
      const json = JSON.stringify(value);
      const judged = judgeOutput(compileSchema(schema, "spec.output"), isFenced ? `\`\`\`json\n${json}\n\`\`\`` : json);
      assert.deepEqual(judged, { ok: true, output: JSON.parse(json) });
    }),
    { numRuns: 200 },
  );
});

test("whatever a model says, a run ends with data that satisfies the schema or as INVALID_OUTPUT with reasons", async () => {
  const texts = fc.oneof(
    fc.json(),
    fc.string(),
    objects.chain(({ value }) => value.map((each) => JSON.stringify(each))),
  );
  await fc.assert(
    fc.asyncProperty(objects, fc.array(texts, { minLength: 1, maxLength: 4 }), async ({ schema }, said) => {
      const definition = defineTestAgent({ output: schema });
      const { ports, requests } = scriptedPorts(said.map((text) => says(text)));
      try {
        const { output } = await createAgent(definition).run("?", ports);
        assert.deepEqual(definition.output?.check(output), []);
      } catch (error) {
        assert.ok(isAppError(error) && error.reason === "INVALID_OUTPUT", String(error));
        assert.match(error.message, /after 2 repairs .* schema: ./);
        assert.equal(requests.length, 3);
      }
    }),
    { numRuns: 200 },
  );
});
