import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import { hashKey } from "./cache-key.ts";
import { canonicalInput } from "./canonical-input.ts";
import { decodeEntry, type Entry, encodeEntry } from "./entry.ts";
import { isPartitionEpoch, partition, partitionEpoch } from "./partition.ts";
import { scopeOf } from "./scope.ts";
import { ttlMs } from "./ttl.ts";

const key = { agent: "a", agentVersion: 1, model: "m", policyHash: "0".repeat(64), input: "i", namespace: "" };
const entry: Entry = {
  value: Buffer.from("v"),
  costNanoUsd: 10n ** 20n,
  storedAtMs: 5,
  expiresAtMs: 9,
  tags: { kb: 7 },
};

test("a key's hash is stable, and differs by tenant and by every part", () => {
  assert.equal(hashKey("t", key), hashKey("t", { ...key }));
  const all = [hashKey("t", key), hashKey("u", key), hashKey("t", { ...key, agentVersion: 2 })];
  all.push(hashKey("t", { ...key, namespace: "user:ada" }));
  assert.equal(new Set(all).size, 4);
  for (const part of ["agent", "model", "policyHash", "input"]) {
    assert.throws(() => hashKey("t", { ...key, [part]: "" }), { reason: "INCOMPLETE_KEY" });
  }
  assert.throws(() => hashKey("t", undefined), { reason: "INCOMPLETE_KEY" });
});

test("a key's hash is that of its canonical JSON, whatever its parts hold", () => {
  const odd = {
    ...key,
    agent: 'a"\\\n\u2028',
    model: "m\ud83d\ude00",
    namespace: "user:ada",
    input: '[{"user": "a  b"}]',
  };
  const text = canonicalJson({ tenant: "t", ...odd, input: canonicalInput(odd.input) });
  assert.equal(hashKey("t", odd), sha256Hex(text));
});

test("entries survive the round trip, plain and compressed", async () => {
  for (const value of [Buffer.alloc(0), Buffer.from("short"), Buffer.from("long ".repeat(1_000))]) {
    const bytes = await encodeEntry({ ...entry, value }, 1024);
    assert.deepEqual(await decodeEntry(bytes, 1_000_000), { ...entry, value });
    if (value.length > 1024) assert.ok(bytes.length < value.length / 5);
  }
});

test("damaged entries and ones that would swell beyond the bound are refused", async () => {
  const bytes = await encodeEntry({ ...entry, value: Buffer.alloc(100_000) }, 1024);
  await assert.rejects(decodeEntry(bytes, 50_000), { reason: "BAD_ENTRY" });
  for (const damaged of [Buffer.alloc(0), Buffer.from([9]), bytes.subarray(0, bytes.length - 3), Buffer.alloc(64)]) {
    await assert.rejects(decodeEntry(damaged, 1_000_000), { reason: "BAD_ENTRY" });
  }
});

test("times to live are bounded and spread downwards by a tenth at most", () => {
  const limits = { defaultTtlS: 100, maxTtlS: 1_000 };
  assert.deepEqual(
    [ttlMs(0, limits, 0), ttlMs(50, limits, 0), ttlMs(9_999, limits, 0), ttlMs(100, limits, 1)],
    [100_000, 50_000, 1_000_000, 90_000],
  );
});

test("partitions cannot be forged by a tenant's name", () => {
  assert.notEqual(partition("a:1.1", "2.2"), partition("a", "1.1:2.2"));
  assert.equal(partitionEpoch([1, 2]), "1.2");
  assert.ok(isPartitionEpoch("1.2"));
  for (const text of ["", "1", "1.2:x", "a.b", "1.2.3"]) assert.ok(!isPartitionEpoch(text), text);
});

test("a scope is one of tenant, agent or tag", () => {
  assert.deepEqual(
    [scopeOf({ agent: "", tag: "" }), scopeOf({ agent: "a", tag: "" }), scopeOf({ agent: "", tag: "t" })],
    ["tenant", "agent/a", "tag/t"],
  );
  assert.throws(() => scopeOf({ agent: "x".repeat(200), tag: "" }), { reason: "TOO_LONG" });
});
