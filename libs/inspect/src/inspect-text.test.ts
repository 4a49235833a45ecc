import assert from "node:assert/strict";
import { test } from "node:test";
import { findingKinds } from "./finding.ts";
import { inspectText } from "./inspect-text.ts";
import { defaultPolicy, type Policy } from "./policy.ts";

const card = "4111 1111 1111 1111";

function policyOf(...rules: Policy["rules"]): Policy {
  return { rules, version: 1 };
}

test("a text without findings comes back as it is", () => {
  const text = "My parcel has not arrived yet, order 100234.";
  const inspection = inspectText(text, defaultPolicy);
  assert.deepEqual(inspection, { findings: [], classification: "public", blocked: false, redacted: text });
});

test("a card keeps its last four digits, a key keeps nothing", () => {
  const { redacted, classification, findings } = inspectText(
    `Card ${card}, api_key=9f8a7b6c5d4e3f2a1b0c9d8e, ssn 123-45-6789, DE89370400440532013000`,
    defaultPolicy,
  );
  assert.equal(redacted, "Card [card ****1111], api_key=[api_key], ssn [ssn], [iban]");
  assert.equal(classification, "secret");
  assert.deepEqual(
    findings.map((finding) => finding.kind),
    ["card", "api_key", "ssn", "iban"],
  );
});

test("what is allowed stays, is listed, and counts", () => {
  const { redacted, classification, findings } = inspectText("I am ann@example.com", defaultPolicy);
  assert.equal(redacted, "I am ann@example.com");
  assert.equal(classification, "internal");
  assert.deepEqual(findings, [{ kind: "email", start: 5, end: 20, action: "allow" }]);
});

test("block refuses and redacts all the same", () => {
  const { redacted, blocked } = inspectText(`pay with ${card}`, policyOf({ kind: "card", action: "block" }));
  assert.equal(blocked, true);
  assert.equal(redacted, "pay with [card ****1111]");
});

test("of two rules for a kind the stricter one holds", () => {
  const policy = policyOf({ kind: "card", action: "block" }, { kind: "card", action: "allow" });
  assert.equal(inspectText(card, policy).blocked, true);
});

test("a kind that a policy does not name keeps its default", () => {
  assert.equal(inspectText(`${card}`, policyOf({ kind: "email", action: "redact" })).redacted, "[card ****1111]");
});

test("a kind may be allowed", () => {
  assert.equal(inspectText(card, policyOf({ kind: "card", action: "allow" })).redacted, card);
});

test("a stricter finding wins over the one it overlaps", () => {
  const text = "mail 4111111111111111@example.com";
  const { findings, redacted } = inspectText(text, defaultPolicy);
  assert.deepEqual(findings, [{ kind: "card", start: 5, end: 21, action: "redact" }]);
  assert.equal(redacted, "mail [card ****1111]@example.com");
});

test("two overlapping findings that both go leave no remainder", () => {
  const policy = policyOf(...findingKinds.map((kind) => ({ kind, action: "redact" as const })));
  assert.equal(inspectText("mail 4111111111111111@example.com now", policy).redacted, "mail [card ****1111] now");
});

test("a policy's actions are read once per object", () => {
  const policy = policyOf({ kind: "ssn", action: "block" });
  assert.equal(inspectText("123-45-6789", policy).blocked, inspectText("123-45-6789", policy).blocked);
});

test("taking one finding out does not lay a card bare", () => {
  const spelledOut = "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1";
  assert.equal(inspectText(`${card} ${spelledOut}`, defaultPolicy).redacted, "[card ****1111] [card ****1111]");
  assert.equal(inspectText(`${spelledOut} ${card}`, defaultPolicy).redacted, "[card ****1111] [card ****1111]");
  assert.equal(inspectText(`123-45-6789 ${spelledOut}`, defaultPolicy).redacted, "[ssn] [card ****1111]");
  const iban = "DE89 3704 0044 0532 0130 00";
  assert.equal(inspectText(`${iban}.4111111111111111`, defaultPolicy).redacted, "[iban].[card ****1111]");
});

test("an id is never taken for a card or an account, and nothing else hides behind its form", () => {
  for (const id of ["01a1fb32-4447-7000-9410-4e4386264fff", "01A1FB33-4416-7000-9599-9E291B7AC434"]) {
    assert.deepEqual(inspectText(`order ${id} was paid`, defaultPolicy).findings, []);
  }
  assert.deepEqual(inspectText("01a1fb37-161c-7000-be57-7259cb52f80a", defaultPolicy).findings, []);
  for (let made = 0; made < 20_000; made++) {
    const id = crypto.randomUUID();
    assert.deepEqual(inspectText(id, defaultPolicy).findings, [], id);
  }
  for (const text of ["deadbeef-4111-1111-1111-1111", "api_key=9f8a7b6c-5d4e-4f2a-9b0c-9d8e7f6a5b4c"]) {
    assert.equal(inspectText(text, defaultPolicy).findings.length, 1, text);
  }
});
