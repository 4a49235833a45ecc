import assert from "node:assert/strict";
import { test } from "node:test";
import { matchingStep, newTotpSecret, toBase32, totpAt, totpUri } from "./totp.ts";

// The key of RFC 6238's test vectors; its eight digits end in our six.
const rfcSecret = Buffer.from("12345678901234567890");

test("codes are those of RFC 6238, appendix B", () => {
  const vectors: [number, string][] = [
    [59, "94287082"],
    [1111111109, "07081804"],
    [1111111111, "14050471"],
    [1234567890, "89005924"],
    [2000000000, "69279037"],
    [20000000000, "65353130"],
  ];
  for (const [atS, code] of vectors) assert.equal(totpAt(rfcSecret, atS * 1000), code.slice(2));
});

test("a code counts in its step and one to either side, never again once spent, and nothing else is a code", () => {
  const secret = newTotpSecret();
  const nowMs = 1_800_000_015_000;
  const step = Math.floor(nowMs / 30_000);
  const at = (steps: number) => totpAt(secret, nowMs + steps * 30_000);
  assert.equal(matchingStep(secret, at(0), nowMs, 0), step);
  assert.equal(matchingStep(secret, at(-1), nowMs, 0), step - 1);
  assert.equal(matchingStep(secret, at(1), nowMs, 0), step + 1);
  assert.equal(matchingStep(rfcSecret, totpAt(rfcSecret, nowMs - 60_000), nowMs, 0), undefined);
  assert.equal(matchingStep(rfcSecret, totpAt(rfcSecret, nowMs + 60_000), nowMs, 0), undefined);
  assert.equal(matchingStep(secret, at(0), nowMs, step), undefined);
  assert.equal(matchingStep(secret, at(-1), nowMs, step), undefined);
  assert.equal(matchingStep(secret, at(1), nowMs, step), step + 1);
  for (const text of ["", "12345", "1234567", "12345a", "１２３４５６", ` ${at(0)}`, `${at(0)}\n`, "-12345"]) {
    assert.equal(matchingStep(secret, text, nowMs, 0), undefined, JSON.stringify(text));
  }
});

test("base32 is that of RFC 4648, and the address holds what apps read", () => {
  const vectors: [string, string][] = [
    ["", ""],
    ["f", "MY"],
    ["fo", "MZXQ"],
    ["foo", "MZXW6"],
    ["foob", "MZXW6YQ"],
    ["fooba", "MZXW6YTB"],
    ["foobar", "MZXW6YTBOI"],
  ];
  for (const [text, encoded] of vectors) assert.equal(toBase32(Buffer.from(text)), encoded);
  const uri = new URL(totpUri(rfcSecret, "agentmesh acme", "ada@example.com"));
  assert.equal(uri.searchParams.get("secret"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  assert.equal(decodeURIComponent(uri.pathname), "/agentmesh acme:ada@example.com");
});
