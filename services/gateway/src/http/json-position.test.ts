import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonProblem } from "./json-position.ts";

test("JSON has no problem", () => {
  for (const text of ['{"a":[1,-2.5e3,true,null,"x\\n\\u00e9"],"b":{}}', "[]", ' "x" ', "0"]) {
    assert.equal(jsonProblem(text), undefined, text);
  }
});

test("the first character that cannot stand where it stands is named", () => {
  const cases: [string, number, string][] = [
    ["", 0, "a value"],
    ['{"a":x}', 5, "a value"],
    ['{"a" 1}', 5, "a colon"],
    ['{"a":1,}', 7, "a key"],
    ["{a:1}", 1, "a key or }"],
    ["[1 2]", 3, "a comma or ]"],
    ["[1,2", 4, "a comma or ]"],
    ['{"a":01}', 5, "a value"],
    ["{} {}", 3, "the end"],
    ['{"a":"x', 5, "a value"],
  ];
  for (const [text, position, expected] of cases) {
    assert.deepEqual(jsonProblem(text), { position, expected }, text);
    assert.throws(() => JSON.parse(text), text);
  }
});
