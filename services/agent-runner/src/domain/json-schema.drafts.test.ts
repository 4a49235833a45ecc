import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSchema } from "./json-schema.ts";

test("drafts 7, 2019-09 and 2020-12 each mean what they say; older ones are refused by name", () => {
  const pair = [{ type: "string" }, { type: "number" }];
  const seven = compileSchema({ $schema: "http://json-schema.org/draft-07/schema#", type: "array", items: pair }, "a");
  const nineteen = compileSchema(
    { $schema: "https://json-schema.org/draft/2019-09/schema", type: "array", items: pair },
    "b",
  );
  const twenty = compileSchema(
    { $schema: "https://json-schema.org/draft/2020-12/schema", type: "array", prefixItems: pair },
    "c",
  );
  for (const schema of [seven, nineteen, twenty]) {
    assert.deepEqual(schema.check(["a", 1]), []);
    assert.match(schema.check(["a", "b"]).join(), /\/1 must be number/);
  }
  assert.throws(() => compileSchema({ $schema: "http://json-schema.org/draft-04/schema#", type: "string" }, "d"), {
    reason: "BAD_SCHEMA",
    message: /draft-04.*2020-12/,
  });
});
