import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isAppError } from "@agentmesh/errors";
import { issue, limit, revoke, rotate, stepsTo } from "./change-publishers.ts";
import { type Publisher, parsePublishers } from "./publisher.ts";
import { newPublisherKey } from "./publisher-key.ts";
import { openRegistry, readPublishers, writePublishers } from "./registry.ts";
import { renderPublishers } from "./render-publishers.ts";

const shop = { tenant: "acme", publisher: "shop" };
const key = () => newPublisherKey(new Date("2026-11-20T12:00:00Z")).entry;
const refusal = (code: string, reason?: string) => (error: unknown) =>
  isAppError(error) && error.code === code && (reason === undefined || error.reason === reason);

test("a publisher has one key, then two, then the newer one, then none, and may begin anew", () => {
  const [first, second, third] = [key(), key(), key()];
  const issued = issue([], { ...shop, types: ["order.placed"] }, first);
  assert.throws(() => issue(issued, { ...shop, types: [] }, second), refusal("CONFLICT", "ALREADY_ISSUED"));
  const both = rotate(issued, shop, second);
  assert.throws(() => rotate(both, shop, third), refusal("FAILED_PRECONDITION", "ROTATION_UNDER_WAY"));
  const { publishers: one, gone } = revoke(both, shop, "old");
  assert.deepEqual(gone, [first.key]);
  assert.throws(() => revoke(one, shop, "old"), refusal("NOT_FOUND", "NO_SUCH_KEY"));
  assert.throws(() => revoke(one, shop, { key: first.key }), refusal("NOT_FOUND", "NO_SUCH_KEY"));
  const { publishers: none } = revoke(one, shop, { key: second.key.slice(0, 12) });
  assert.deepEqual(none, [{ ...shop, types: ["order.placed"], keys: [] }]);
  assert.throws(() => rotate(none, shop, third), refusal("FAILED_PRECONDITION", "NO_KEY"));
  assert.deepEqual(issue(none, { ...shop, types: [] }, third), [{ ...shop, types: [], keys: [third] }]);
});

test("a password counts as the older of two, and is revoked by name", () => {
  const desk: Publisher = { ...shop, types: [], keys: [], password: "of-the-desk" };
  const fresh = key();
  const both = rotate([desk], shop, fresh);
  assert.deepEqual(revoke(both, shop, "old").gone, ["password"]);
  assert.deepEqual(revoke(both, shop, { key: "password" }).publishers, [{ ...shop, types: [], keys: [fresh] }]);
  assert.deepEqual(revoke(both, shop, { key: fresh.key }).publishers, [desk]);
});

test("a key's beginning must mean one; an unknown publisher is told who there is", () => {
  const both = rotate(issue([], { ...shop, types: [] }, key()), shop, key());
  assert.throws(() => revoke(both, shop, { key: "U" }), refusal("INVALID_ARGUMENT"));
  assert.throws(() => limit(both, { tenant: "acme", publisher: "shpo" }, []), /there are: acme\.shop/);
});

test("what a server that runs is told: a new account before its key", () => {
  const before = issue([], { ...shop, types: [] }, key());
  const after = issue(before, { tenant: "beta", publisher: "x", types: ["a.>"] }, key());
  assert.deepEqual(stepsTo(before, after), [
    [before[0], { tenant: "beta", publisher: "x", types: ["a.>"], keys: [] }],
    after,
  ]);
  assert.deepEqual(stepsTo(before, before), [before]);
});

test("nothing that means more in a subject or in a configuration file gets into either", () => {
  const names = ["*", ">", "a.b", "A", "", "a b", 'a"', "a\n", "$SYS", "a}", "x".repeat(64)];
  for (const name of names) {
    assert.throws(() => issue([], { tenant: "acme", publisher: name, types: [] }, key()), refusal("INVALID_ARGUMENT"));
    assert.throws(() => issue([], { tenant: name, publisher: "x", types: [] }, key()), refusal("INVALID_ARGUMENT"));
    assert.throws(
      () => parsePublishers(JSON.stringify({ publishers: [{ tenant: "a", publisher: name }] }), "f"),
      /f: pub/,
    );
  }
  for (const type of ["*", ">", "a.*", "a.>.b", "a..b", ".a", "a.", 'a"', "a b", "A", "$JS.API", "x".repeat(101)]) {
    assert.throws(() => issue([], { ...shop, types: [type] }, key()), refusal("INVALID_ARGUMENT"), type);
  }
  const bad = [
    { ...shop, keys: [{ key: "UABC", issued: "2026-11-20" }] },
    { ...shop, keys: [{ key: `S${key().key.slice(1)}`, issued: "2026-11-20" }] },
    { ...shop, keys: [{ key: key().key, issued: "yesterday" }] },
    { ...shop, password: 'x" } ] permissions: {' },
    { ...shop, seed: "SU" },
  ];
  for (const entry of bad) {
    const text = JSON.stringify({ publishers: [entry] });
    assert.throws(() => parsePublishers(text, "f"), refusal("FAILED_PRECONDITION", "BAD_PUBLISHERS"), text);
  }
  assert.throws(() => parsePublishers(JSON.stringify({ publishers: [shop, shop] }), "f"), /once/);
});

test("the server is told public keys, subjects and limits", () => {
  const only = key();
  const text = renderPublishers(issue([], { ...shop, types: ["order.placed", "cart.>"] }, only));
  assert.match(
    text,
    new RegExp(`nkey: ${only.key}, permissions: \\{ publish: \\{ allow: \\["evt.order.placed.\\*", "evt.cart.>"\\]`),
  );
  assert.match(text, /subject: "evt\.acme\.shop\.cart\.>" \}, to: "evt\.cart\.>"/);
});

test("the file is its owner's, keeps what was revoked, and adds what is shipped once", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "publishers-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "nats/publishers.yaml");
  const shipped: Publisher[] = [{ ...shop, types: [], keys: [] }];
  assert.deepEqual(openRegistry(file, shipped, { "acme.shop": "a-password" }), [
    { ...shipped[0], password: "a-password" },
  ]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  writePublishers(file, revoke(readPublishers(file), shop, "all").publishers);
  assert.deepEqual(openRegistry(file, shipped, { "acme.shop": "a-password" }), shipped);
  assert.doesNotMatch(readFileSync(join(folder, "nats/publishers.conf"), "utf8"), /a-password/);
  writeFileSync(file, "publishers: {}\n");
  assert.throws(() => readPublishers(file), refusal("FAILED_PRECONDITION", "BAD_PUBLISHERS"));
});
