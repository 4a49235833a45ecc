import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import { type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { importJWK, SignJWT } from "jose";
import { loadWorkloadIdentity, type WorkloadIdentity } from "../src/index.ts";

let environment: TestEnvironment;
let cost: WorkloadIdentity;
let gateway: WorkloadIdentity;

before(async () => {
  environment = await testEnvironment("cost", { postgres: false, nats: false, redis: false });
  const load = (name: string) => loadWorkloadIdentity(environment.keyFileOf(name), environment.workloadTrustFile);
  cost = await load("cost");
  gateway = await load("gateway");
});
after(() => environment[Symbol.asyncDispose]());

/** Signs as whoever holds the key of `signer` could. */
async function forge(
  signer: string,
  changes: { kid?: string; issuer?: string; audience?: string; typ?: string; expiresInS?: number; alg?: string } = {},
): Promise<string> {
  const key = await importJWK(JSON.parse(readFileSync(environment.keyFileOf(signer), "utf8")), "EdDSA");
  const nowS = Math.floor(Date.now() / 1000);
  const jwt = new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA", typ: changes.typ ?? "wl+jwt", kid: changes.kid ?? signer })
    .setIssuer(changes.issuer ?? signer)
    .setAudience(changes.audience ?? "mesh")
    .setIssuedAt(nowS);
  if (changes.expiresInS !== 0) jwt.setExpirationTime(nowS + (changes.expiresInS ?? 60));
  return jwt.sign(key);
}

const bad = { code: "UNAUTHENTICATED", reason: "BAD_WORKLOAD" };

test("each knows the other by name, and signs once for many calls", async () => {
  const token = await gateway.token();
  assert.equal(await cost.verify(token), "gateway");
  assert.equal(await cost.verify(token), "gateway");
  assert.equal(await gateway.token(), token);
  assert.equal(await gateway.verify(await cost.token()), "cost");
  assert.equal(await cost.verify(await forge("auth")), "auth");
});

test("nobody passes for another: by issuer, by key id, or by both", async () => {
  for (const changes of [
    { issuer: "gateway" },
    { kid: "gateway" },
    { kid: "gateway", issuer: "gateway" },
    { kid: "nobody", issuer: "nobody" },
  ]) {
    await assert.rejects(cost.verify(await forge("cache", changes)), bad, JSON.stringify(changes));
  }
});

test("another audience or type, no end, an end that has passed, and what is no token are refused", async () => {
  for (const changes of [{ audience: "cost" }, { typ: "at+jwt" }, { expiresInS: 0 }, { expiresInS: -6 }]) {
    await assert.rejects(cost.verify(await forge("cache", changes)), bad, JSON.stringify(changes));
  }
  for (const text of ["", "a.b.c", "x".repeat(100_000)]) await assert.rejects(cost.verify(text), bad);
});

test("being remembered does not outlive the end, and a token is renewed long before its own", async () => {
  mock.timers.enable({ apis: ["Date"], now: Date.now() });
  try {
    const token = await forge("cache", { expiresInS: 60 });
    const own = await gateway.token();
    await cost.verify(token);
    mock.timers.tick(66_000);
    await assert.rejects(cost.verify(token), bad);
    mock.timers.tick(55_000);
    const renewed = await gateway.token();
    assert.notEqual(renewed, own);
    assert.equal(await cost.verify(own), "gateway");
    mock.timers.tick(200_000);
    await assert.rejects(cost.verify(own), bad);
    assert.equal(await cost.verify(await gateway.token()), "gateway");
  } finally {
    mock.timers.reset();
  }
});

test("a key file that is missing or is none is named", async () => {
  const file = join(environment.dir, "odd.json");
  const load = () => loadWorkloadIdentity(file, environment.workloadTrustFile);
  const expected = { code: "INVALID_ARGUMENT", reason: "BAD_KEY_FILE", message: /cannot use the key file .*odd\.json/ };
  await assert.rejects(load(), expected);
  for (const text of ["", "{}", '{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"cost"}']) {
    writeFileSync(file, text);
    await assert.rejects(load(), expected);
  }
});
