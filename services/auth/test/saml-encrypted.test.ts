import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { isWellFormed } from "../src/domain/is-well-formed.ts";
import { type AuthClient, type AuthMesh, adminToken, authMesh, exchanged } from "./auth-mesh.ts";
import {
  type Answer,
  acsUrl,
  assertionOf,
  audience,
  type Ciphers,
  encryptedFor,
  entityId,
  newSigner,
  requestIdOf,
  responseOf,
  type Signer,
  signed,
  toBase64,
} from "./saml-provider.ts";

let mesh: AuthMesh;
let client: AuthClient;
let idp: Signer;
let stranger: Signer;
let ours: Signer;

before(async () => {
  mesh = await authMesh();
  const dir = await mkdtemp(join(dirname(mesh.environment.masterKeyFile), "saml-"));
  [idp, stranger, ours] = [await newSigner(dir, "idp"), await newSigner(dir, "stranger"), await newSigner(dir, "ours")];
  const secretsDir = await mkdtemp(join(dir, "secrets-"));
  await writeFile(join(secretsDir, "acme.corp.key"), ours.key);
  await writeFile(join(secretsDir, "acme.corp.crt"), ours.certificate);
  client = await mesh.client(await mesh.start({ federation: { secretsDir } }));
  const admin = await adminToken(client);
  for (const name of ["corp", "keyless"]) {
    const spec = {
      type: "saml",
      entryPoint: "https://idp.example.com/sso",
      entityId,
      audience,
      certificates: [idp.certificate],
      redirectUris: [acsUrl, "https://mesh.example.com/other?a=1&b=2"],
      groups: [{ group: "ops", roles: ["operator"] }],
    };
    await client.applyResource({ kind: "IdentityProvider", name, spec }, { token: admin });
  }
});

after(() => mesh[Symbol.asyncDispose]());

const refused = { code: "UNAUTHENTICATED", reason: "PROVIDER_REFUSED" };

async function answerWith(make: (requestId: string) => Promise<string>, provider = "corp") {
  const { authorizationUrl, handle } = await client.startSignIn({ tenant: "acme", provider, redirectUri: acsUrl });
  const xml = await make(requestIdOf(authorizationUrl));
  return client.finishSignIn({ handle, samlResponse: toBase64(xml) });
}

function encrypted(by: Signer, holder: Signer, ciphers: Ciphers = {}, answer: Partial<Answer> = {}) {
  return async (requestId: string) => {
    const assertion = signed(assertionOf({ requestId, ...answer }), by);
    return responseOf(requestId, await encryptedFor(holder, assertion, ciphers));
  };
}

/** Signed as a whole, around what is encrypted. */
function sealed(make: (requestId: string) => Promise<string>, by = idp) {
  return async (requestId: string) => signed(await make(requestId), by, "Response");
}

test("an assertion encrypted for us in an answer that the provider signed signs in", async () => {
  for (const content of [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
  ] as const) {
    const { accessToken } = await answerWith(sealed(encrypted(idp, ours, { content })));
    const me = await client.whoAmI({}, { token: await exchanged(client, accessToken) });
    assert.deepEqual([me.username, me.roles, me.amr], ["ada", ["operator"], ["fed"]]);
  }
  // What is in clear still signs in beside it.
  await answerWith(async (requestId) => responseOf(requestId, signed(assertionOf({ requestId }), idp)));
});

test("what is encrypted counts for nothing by itself: anybody can encrypt for us", async () => {
  const cases: Record<string, (requestId: string) => Promise<string>> = {
    "not signed around it": encrypted(idp, ours),
    "signed around it by a stranger": sealed(encrypted(idp, ours), stranger),
    "an assertion of a stranger": sealed(encrypted(stranger, ours)),
    "an assertion without a signature": sealed(async (requestId) =>
      responseOf(requestId, await encryptedFor(ours, assertionOf({ requestId }))),
    ),
    "for another audience": sealed(encrypted(idp, ours, {}, { audience: "https://other.example.com" })),
    "of another request": sealed(encrypted(idp, ours, {}, { inResponseTo: "_other" })),
    "over, by its time": sealed(encrypted(idp, ours, {}, { endsS: -10 })),
    "for another key": sealed(encrypted(idp, stranger)),
    "with RSA 1.5": sealed(encrypted(idp, ours, { key: "http://www.w3.org/2001/04/xmlenc#rsa-1_5" })),
    "with Triple DES": sealed(encrypted(idp, ours, { content: "http://www.w3.org/2001/04/xmlenc#tripledes-cbc" })),
    "changed after signing": async (requestId) => {
      const xml = await sealed(encrypted(idp, ours))(requestId);
      return xml.replace(/(<e:CipherValue>|<xenc:CipherValue>)(....)/, "$1AAAA");
    },
    "another one beside it": async (requestId) => {
      const evil = await encryptedFor(ours, signed(assertionOf({ requestId, nameId: "mallory" }), stranger));
      return (await sealed(encrypted(idp, ours))(requestId)).replace("</samlp:Response>", `${evil}</samlp:Response>`);
    },
    "nothing sensible": sealed(async (requestId) => responseOf(requestId, await encryptedFor(ours, "<x/>"))),
  };
  for (const [what, make] of Object.entries(cases)) await assert.rejects(answerWith(make), refused, what);
  // Without a key of ours the operator is told which file is missing.
  await assert.rejects(answerWith(sealed(encrypted(idp, ours)), "keyless"), { reason: "NO_PROVIDER_SECRET" });
});

test("the metadata says who we are, where answers go and what to encrypt for, and nothing secret", async () => {
  const { xml } = await client.getSamlMetadata({ tenant: "acme", provider: "corp" });
  assert.ok(isWellFormed(xml.trim()));
  assert.ok(xml.includes(`entityID="${audience}"`));
  assert.deepEqual(
    [...xml.matchAll(/AssertionConsumerService [^>]*Location="([^"]+)"/g)].map(([, location]) => location),
    [acsUrl, "https://mesh.example.com/other?a=1&amp;b=2"],
  );
  const [, certificate = ""] = /<ds:X509Certificate>([^<]+)</.exec(xml) ?? [];
  assert.deepEqual(Buffer.from(certificate, "base64"), new X509Certificate(ours.certificate).raw);
  assert.ok(!xml.includes("PRIVATE"));
  const keyless = await client.getSamlMetadata({ tenant: "acme", provider: "keyless" });
  assert.ok(!keyless.xml.includes("KeyDescriptor"));
  for (const other of [{ provider: "none" }, { tenant: "globex" }, { provider: "../corp" }]) {
    const request = { tenant: "acme", provider: "corp", ...other };
    await assert.rejects(client.getSamlMetadata(request), { reason: "PROVIDER_NOT_FOUND" });
  }
});
