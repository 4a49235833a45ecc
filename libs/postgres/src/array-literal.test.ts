import assert from "node:assert/strict";
import { test } from "node:test";
import { arrayLiteral } from "./array-literal.ts";

test("strings are quoted, so that no word is a null, and nothing else is", () => {
  assert.equal(
    arrayLiteral(["NULL", "", "a b", 'say "hi"', "back\\slash"]),
    '{"NULL","","a b","say \\"hi\\"","back\\\\slash"}',
  );
  assert.equal(arrayLiteral([1, -2.5, true, 12n, null, undefined]), "{1,-2.5,true,12,NULL,NULL}");
  assert.equal(arrayLiteral([]), "{}");
});

test("what is no plain value is left to the driver", () => {
  for (const value of [new Date(), Buffer.from("x"), [1], { a: 1 }])
    assert.equal(arrayLiteral(["a", value]), undefined);
});
