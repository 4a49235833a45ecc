import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { seal, unseal } from "./seal.ts";

const cell = { table: "signing_key", field: "sealed", record: "k1" };

test("what was sealed opens with the same key and cell only", () => {
  const key = randomBytes(32);
  const sealed = seal(key, cell, Buffer.from("private"));
  assert.equal(unseal(key, cell, sealed).toString(), "private");
  assert.throws(() => unseal(randomBytes(32), cell, sealed), { reason: "CANNOT_UNSEAL" });
  assert.throws(() => unseal(key, { ...cell, record: "k2" }, sealed), { reason: "CANNOT_UNSEAL" });
  assert.throws(() => unseal(key, { ...cell, table: "account" }, sealed), { reason: "CANNOT_UNSEAL" });
});

test("no byte can be changed and none cut off", () => {
  const key = randomBytes(32);
  const sealed = seal(key, cell, Buffer.from("private"));
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
    assert.throws(() => unseal(key, cell, changed), { reason: "CANNOT_UNSEAL" }, `byte ${index}`);
    assert.throws(() => unseal(key, cell, sealed.subarray(0, index)), { reason: "CANNOT_UNSEAL" });
  }
});
