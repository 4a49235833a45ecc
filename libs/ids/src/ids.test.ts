import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, isId, newId } from "./index.ts";

test("ids sort by creation, also within a millisecond and when the clock steps back", () => {
  const ids = [...Array.from({ length: 10_000 }, () => newId(1000)), newId(999), newId(1001), newId()];
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every(isId));
});

test("ids carry version 7 and the RFC variant", () => {
  for (let i = 0; i < 1000; i++) assert.match(newId(), /^.{8}-.{4}-7.{3}-[89ab]/);
});

test("canonical JSON does not depend on the order of keys", () => {
  assert.equal(canonicalJson({ b: [1, { d: 1, c: undefined }], a: "é\n" }), '{"a":"é\\n","b":[1,{"d":1}]}');
});
