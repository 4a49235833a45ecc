import assert from "node:assert/strict";
import { test } from "node:test";
import { setAtPointer } from "./json-pointer.ts";

test("a value is put where the pointer says, in a copy; what is on the way is kept or made", () => {
  const body = { meta: { a: 1 } };
  assert.deepEqual(setAtPointer(body, "/meta/key", "k"), { meta: { a: 1, key: "k" } });
  assert.deepEqual(body, { meta: { a: 1 } });
  assert.deepEqual(setAtPointer(undefined, "/a~1b/c~0d", "k"), { "a/b": { "c~d": "k" } });
  const own = setAtPointer({}, "/__proto__/x", "k");
  assert.ok(Object.hasOwn(own, "__proto__"));
  assert.equal(Reflect.get({}, "x"), undefined);
  for (const odd of [{ meta: [1] }, { meta: "text" }, { meta: null }, []]) {
    assert.throws(() => setAtPointer(odd, "/meta/key", "k"), { code: "INVALID_ARGUMENT", reason: "BAD_ARGUMENTS" });
  }
});
