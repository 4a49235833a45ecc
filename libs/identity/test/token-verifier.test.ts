import assert from "node:assert/strict";
import { createHmac, KeyObject, sign as signBytes } from "node:crypto";
import { before, mock, test } from "node:test";
import { type CryptoKey, exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";
import { createTokenVerifier, requirePermission, tokenIssuer, tokenType } from "../src/index.ts";

type KeyPair = { readonly kid: string; readonly privateKey: CryptoKey; readonly jwk: JSONWebKeySet["keys"][number] };

let current: KeyPair;
let next: KeyPair;

before(async () => {
  current = await newKey("k1");
  next = await newKey("k2");
});

async function newKey(kid: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" } };
}

const claims = { tnt: "acme", name: "Ada", roles: ["dev"], perms: ["agents:run"], dept: "r&d", proj: "x", sid: "s1" };

type Changes = {
  readonly key?: KeyPair;
  readonly header?: object;
  readonly payload?: Record<string, unknown>;
  readonly audience?: string | string[];
  readonly issuer?: string;
  readonly expiresAtS?: number | undefined;
};

function sign(changes: Changes = {}): Promise<string> {
  const nowS = Math.floor(Date.now() / 1000);
  const key = changes.key ?? current;
  const jwt = new SignJWT({ ...claims, ...changes.payload })
    .setProtectedHeader({ alg: "ES256", typ: tokenType, kid: key.kid, ...changes.header })
    .setSubject("user:ada")
    .setIssuer(changes.issuer ?? tokenIssuer)
    .setAudience(changes.audience ?? "cost")
    .setJti("j1")
    .setIssuedAt(nowS);
  if (!("expiresAtS" in changes)) jwt.setExpirationTime(nowS + 300);
  else if (changes.expiresAtS !== undefined) jwt.setExpirationTime(changes.expiresAtS);
  return jwt.sign(key.privateKey);
}

function verifier(keys: () => JSONWebKeySet | undefined = () => ({ keys: [current.jwk] })) {
  let known = keys();
  return createTokenVerifier({
    // A snapshot hands out the same object until it changes.
    jwks: () => {
      const now = keys();
      if (JSON.stringify(now) !== JSON.stringify(known)) known = now;
      return known;
    },
    audiences: ["cost", "mesh"],
  });
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const bad = { code: "UNAUTHENTICATED", reason: "BAD_TOKEN" };

test("a good token is the principal it says", async () => {
  const expiresAtS = Math.floor(Date.now() / 1000) + 60;
  const token = await sign({
    expiresAtS,
    payload: { act: { sub: "agent:a", act: { sub: "agent:b" } }, amr: ["pwd"], auth_time: 7 },
  });
  const principal = await verifier().verify(token);
  assert.deepEqual(
    { ...principal, permissions: [...principal.permissions], stepUp: [...principal.stepUp] },
    {
      tenant: "acme",
      subject: "user:ada",
      name: "Ada",
      roles: ["dev"],
      permissions: ["agents:run"],
      department: "r&d",
      project: "x",
      actors: ["agent:a", "agent:b"],
      sessionId: "s1",
      amr: ["pwd"],
      authenticatedAtMs: 7000,
      stepUp: [],
      expiresAtMs: expiresAtS * 1000,
    },
  );
  assert.equal((await verifier().verify(await sign({ audience: ["other", "mesh"] }))).subject, "user:ada");
});

test("a token without a signature, or signed with a public key as a secret, is refused", async () => {
  const payload = encoded({
    ...claims,
    sub: "user:ada",
    iss: tokenIssuer,
    aud: "cost",
    jti: "j",
    exp: Math.floor(Date.now() / 1000) + 60,
  });
  for (const alg of ["none", "None", "HS256"]) {
    const head = `${encoded({ alg, typ: tokenType, kid: "k1" })}.${payload}`;
    const mac = createHmac("sha256", JSON.stringify(current.jwk)).update(head).digest("base64url");
    for (const token of [`${head}.`, `${head}.AA`, `${head}.${mac}`])
      await assert.rejects(verifier().verify(token), bad);
  }
});

test("another audience, issuer, type or key, and claims of another shape, are refused", async () => {
  const foreign = await newKey("k1");
  const unknown = await newKey("k9");
  const cases: Changes[] = [
    { audience: "auth" },
    { audience: [] },
    { issuer: "somebody" },
    { header: { typ: "JWT" } },
    { header: { typ: "wl+jwt" } },
    { header: { typ: undefined } },
    { key: foreign },
    { key: unknown },
    { header: { kid: "k9" } },
    { expiresAtS: undefined },
    { payload: { tnt: "" } },
    { payload: { tnt: 7 } },
    { payload: { perms: "agents:run" } },
    { payload: { nbf: Math.floor(Date.now() / 1000) + 60 } },
  ];
  for (const changes of cases) {
    await assert.rejects(verifier().verify(await sign(changes)), bad, JSON.stringify(changes));
  }
});

test("an altered token is refused, whichever part was altered", async () => {
  const verify = verifier();
  const token = await sign();
  await verify.verify(token);
  const [head = "", payload = "", signature = ""] = token.split(".");
  const raised = encoded({ ...JSON.parse(Buffer.from(payload, "base64url").toString()), perms: ["system:config"] });
  const flipped = signature.startsWith("A") ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
  for (const altered of [
    `${head}.${raised}.${signature}`,
    `${head}.${payload}.${flipped}`,
    `${head}.${payload}`,
    `${token}.`,
    `${token}=`,
    ` ${token}`,
    `${token}\n`,
    "",
    "a.b.c",
  ]) {
    await assert.rejects(verify.verify(altered), bad, JSON.stringify(altered));
  }
});

/** Signed by the right key, to the letter: what no signer of ours would write. */
function signText(header: string, payload: string): string {
  const head = [header, payload].map((text) => Buffer.from(text).toString("base64url")).join(".");
  const key = KeyObject.from(current.privateKey);
  return `${head}.${signBytes("sha256", Buffer.from(head), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

test("a header that names where keys are, or what must be understood, is not followed", async () => {
  const stranger = await newKey("k1");
  const { jwk } = stranger;
  for (const header of [
    { jku: "https://evil.example.net/jwks.json" },
    { x5u: "https://evil.example.net/cert.pem" },
    { jwk },
    { x5c: ["AAAA"] },
  ]) {
    // With a key of their own it is refused; ours stays ours whatever stands beside it.
    await assert.rejects(verifier().verify(await sign({ header, key: stranger })), bad, JSON.stringify(header));
    assert.equal((await verifier().verify(await sign({ header }))).subject, "user:ada");
  }
  const nowS = Math.floor(Date.now() / 1000);
  const payload = JSON.stringify({
    ...claims,
    sub: "user:ada",
    iss: tokenIssuer,
    aud: "cost",
    jti: "j",
    exp: nowS + 60,
  });
  const header = { alg: "ES256", typ: tokenType, kid: "k1" };
  assert.equal((await verifier().verify(signText(JSON.stringify(header), payload))).subject, "user:ada");
  for (const more of [
    { crit: ["exp"], exp: 1 },
    { crit: ["b64"], b64: false },
    { crit: [] },
    { kid: "../../etc/passwd" },
    { kid: "k1' OR '1'='1" },
    { kid: "k1\0" },
    { kid: ["k1"] },
    { kid: { $ne: "" } },
    { alg: "ES384" },
    { alg: "RS256" },
    { alg: ["ES256"] },
  ]) {
    const text = signText(JSON.stringify({ ...header, ...more }), payload);
    await assert.rejects(verifier().verify(text), bad, JSON.stringify(more));
  }
});

test("a claim said twice, and a second writing of the same bytes, are refused", async () => {
  const header = JSON.stringify({ alg: "ES256", typ: tokenType, kid: "k1" });
  const exp = Math.floor(Date.now() / 1000) + 60;
  const rest = `"sub":"user:ada","iss":"${tokenIssuer}","aud":"cost","jti":"j","exp":${exp}`;
  const token = signText(header, `{"tnt":"acme",${rest}}`);
  assert.equal((await verifier().verify(token)).tenant, "acme");
  for (const payload of [
    `{"tnt":"acme","tnt":"globex",${rest}}`,
    `{"tnt":"globex",${rest},"tnt":"acme"}`,
    `{"tnt":"acme",${rest},"exp":${exp + 9_000}}`,
    `{"tnt":"acme", ${rest}}`,
    `{"t\\u006et":"acme",${rest}}`,
    `{"tnt":"acme",${rest}`,
    "null",
    '"x"',
  ]) {
    await assert.rejects(verifier().verify(signText(header, payload)), bad, payload);
  }
  await assert.rejects(
    verifier().verify(signText(header.replace("{", '{"alg":"none",'), `{"tnt":"acme",${rest}}`)),
    bad,
  );
  // The last character of a signature of 64 bytes carries four bits that mean nothing.
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const twin = alphabet[alphabet.indexOf(token.at(-1) ?? "") + 1] ?? "";
  const signatureOf = (text: string) => Buffer.from(text.split(".")[2] ?? "", "base64url").toString("hex");
  assert.equal(signatureOf(token.slice(0, -1) + twin), signatureOf(token));
  await assert.rejects(verifier().verify(token.slice(0, -1) + twin), bad);
});

test("a chain of actors may have four links and not five; a token may have 8 KiB and not more", async () => {
  const chain = (length: number): object => ({ sub: "a", ...(length > 1 && { act: chain(length - 1) }) });
  assert.equal((await verifier().verify(await sign({ payload: { act: chain(4) } }))).actors.length, 4);
  await assert.rejects(verifier().verify(await sign({ payload: { act: chain(5) } })), {
    ...bad,
    message: /chain of actors is longer than 4/,
  });
  await assert.rejects(verifier().verify(await sign({ payload: { act: chain(300) } })), bad);
  await assert.rejects(verifier().verify(await sign({ payload: { name: "x".repeat(8192) } })), bad);
});

test("a token is refused when it ends, also one that was remembered", async () => {
  mock.timers.enable({ apis: ["Date"], now: new Date("2026-11-20T10:00:00Z") });
  try {
    const verify = verifier();
    const token = await sign({ expiresAtS: Date.now() / 1000 + 30 });
    await verify.verify(token);
    mock.timers.tick(34_000);
    await verify.verify(token);
    mock.timers.tick(1_000);
    const expired = { code: "UNAUTHENTICATED", reason: "TOKEN_EXPIRED" };
    await assert.rejects(verify.verify(token), expired);
    await assert.rejects(verifier().verify(token), expired);
  } finally {
    mock.timers.reset();
  }
});

test("when keys rotate both are good, then the old one's tokens are not, remembered or not", async () => {
  let keys: JSONWebKeySet = { keys: [current.jwk] };
  const verify = verifier(() => keys);
  const old = await sign();
  const young = await sign({ key: next });
  await verify.verify(old);
  await assert.rejects(verify.verify(young), bad);
  keys = { keys: [current.jwk, next.jwk] };
  await Promise.all([verify.verify(old), verify.verify(young)]);
  keys = { keys: [next.jwk] };
  await verify.verify(young);
  await assert.rejects(verify.verify(old), bad);
});

test("a key set that is missing or broken trusts nobody, nor the keys before it", async () => {
  const noKeys = { code: "UNAUTHENTICATED", reason: "NO_KEYS", retryAfterMs: 1000 };
  await assert.rejects(verifier(() => undefined).verify(await sign()), noKeys);
  let keys: JSONWebKeySet = { keys: [current.jwk] };
  const verify = createTokenVerifier({ jwks: () => keys, audiences: ["cost"] });
  const token = await sign();
  await verify.verify(token);
  keys = { keys: "all of them" } as never;
  for (let i = 0; i < 2; i++) await assert.rejects(verify.verify(token), noKeys);
  keys = { keys: [current.jwk] };
  await verify.verify(token);
});

test("a revoked session ends its tokens at once, though they were remembered; what judges may refuse to judge", async () => {
  let revoked = "";
  const verify = createTokenVerifier({
    jwks: () => set,
    audiences: ["cost"],
    isRevoked: ({ sessionId }) => {
      if (revoked === "unknown") throw new Error("the revocations are stale");
      return sessionId === revoked;
    },
  });
  const set: JSONWebKeySet = { keys: [current.jwk] };
  const token = await sign();
  await verify.verify(token);
  revoked = "s1";
  await assert.rejects(verify.verify(token), { ...bad, message: /its session has ended/ });
  revoked = "unknown";
  await assert.rejects(verify.verify(token), /stale/);
});

test("what a second factor would add is refused with the way to it, and what nothing grants is not", async () => {
  const principal = await verifier().verify(await sign({ payload: { step_up: ["system:admin"] } }));
  assert.throws(() => requirePermission(principal, "system:admin"), {
    code: "PERMISSION_DENIED",
    reason: "STEP_UP_REQUIRED",
    message: /step-up/,
  });
  assert.throws(() => requirePermission(principal, "system:config"), { reason: "MISSING_PERMISSION" });
  requirePermission(principal, "agents:run");
});
