import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { identityProviderSpecSchema } from "../src/domain/identity-provider-spec.ts";
import { createSaml } from "../src/federation/saml.ts";
import { type AuthClient, type AuthMesh, adminToken, authMesh, exchanged } from "./auth-mesh.ts";
import {
  type Answer,
  acsUrl,
  assertionOf,
  audience,
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
let admin: string;
let idp: Signer;
let stranger: Signer;

before(async () => {
  mesh = await authMesh();
  const dir = await mkdtemp(join(dirname(mesh.environment.masterKeyFile), "saml-"));
  [idp, stranger] = [await newSigner(dir, "idp"), await newSigner(dir, "stranger")];
  client = await mesh.client(await mesh.start());
  admin = await adminToken(client);
  await applyProvider("corp");
});

after(() => mesh[Symbol.asyncDispose]());

function applyProvider(name: string, more: object = {}) {
  const spec = {
    type: "saml",
    entryPoint: "https://idp.example.com/sso",
    entityId,
    audience,
    certificates: [idp.certificate],
    redirectUris: [acsUrl],
    groups: [{ group: "ops", roles: ["operator"] }],
    ...more,
  };
  return client.applyResource({ kind: "IdentityProvider", name, spec }, { token: admin });
}

async function start(provider = "corp") {
  const { authorizationUrl, handle } = await client.startSignIn({ tenant: "acme", provider, redirectUri: acsUrl });
  return { authorizationUrl, handle, requestId: requestIdOf(authorizationUrl) };
}

/** One sign-in with the answer that is made for its request. */
async function answerWith(make: (requestId: string) => string, provider = "corp") {
  const { handle, requestId } = await start(provider);
  return client.finishSignIn({ handle, samlResponse: toBase64(make(requestId)) });
}

function honest(requestId: string, answer: Partial<Answer> = {}): string {
  return responseOf(requestId, signed(assertionOf({ requestId, ...answer }), idp));
}

const refused = { code: "UNAUTHENTICATED", reason: "PROVIDER_REFUSED" };

test("an assertion signed by the provider signs in, with the roles of its groups; so does a response signed beside it", async () => {
  const { authorizationUrl } = await start();
  assert.ok(authorizationUrl.startsWith("https://idp.example.com/sso?"));
  const reply = await answerWith((id) => honest(id));
  const me = await client.whoAmI({}, { token: await exchanged(client, reply.accessToken) });
  assert.deepEqual([me.username, me.roles, me.amr], ["ada", ["operator"], ["fed"]]);
  const again = await answerWith((id) => signed(honest(id, { groups: ["others", "more"] }), idp, "Response"));
  const now = await client.whoAmI({}, { token: await exchanged(client, again.accessToken) });
  assert.deepEqual([now.subject, now.roles], [me.subject, []]);
  // While the provider changes its key, both count.
  await applyProvider("two", { certificates: [stranger.certificate, idp.certificate] });
  await answerWith((id) => honest(id), "two");
});

test("an answer without the provider's signature over what is read is refused", async () => {
  await answerWith((id) => honest(id));
  const cases: Record<string, (id: string) => string> = {
    unsigned: (id) => responseOf(id, assertionOf({ requestId: id })),
    "signed by a stranger": (id) => responseOf(id, signed(assertionOf({ requestId: id }), stranger)),
    "only the response signed": (id) => signed(responseOf(id, assertionOf({ requestId: id })), idp, "Response"),
    "signed with SHA-1": (id) => responseOf(id, signed(assertionOf({ requestId: id }), idp, "Assertion", "sha1")),
    "another name after signing": (id) => honest(id).replace(">ada<", ">admin<"),
    "another group after signing": (id) => honest(id, { groups: ["none"] }).replace(">none<", ">ops<"),
    "the signature taken out": (id) => honest(id).replace(/<Signature[\s\S]*<\/Signature>/, ""),
    "a failure that says success": (id) => responseOf(id, ""),
  };
  for (const [what, make] of Object.entries(cases)) await assert.rejects(answerWith(make), refused, what);
});

test("wrapping a signed assertion into a forged one is refused, wherever it is put", async () => {
  const forge = (id: string, assertionId?: string) => assertionOf({ requestId: id, nameId: "mallory" }, assertionId);
  const good = (id: string) => signed(assertionOf({ requestId: id }), idp);
  const signatureOf = (xml: string) => /<Signature[\s\S]*<\/Signature>/.exec(xml)?.[0] ?? "";
  const into = (xml: string, inner: string) => xml.replace("</saml:Issuer>", `</saml:Issuer>${inner}`);
  const cases: Record<string, (id: string) => string> = {
    "forged before": (id) => responseOf(id, forge(id, "_evil") + good(id)),
    "forged after": (id) => responseOf(id, good(id) + forge(id, "_evil")),
    "forged with the same id": (id) => responseOf(id, forge(id) + good(id)),
    "forged around": (id) => responseOf(id, into(forge(id, "_evil"), `<saml:Advice>${good(id)}</saml:Advice>`)),
    "forged around, with its signature": (id) =>
      responseOf(id, into(forge(id, "_evil"), `${signatureOf(good(id))}<saml:Advice>${good(id)}</saml:Advice>`)),
    "forged with its id and signature": (id) => responseOf(id, into(forge(id), signatureOf(good(id)))),
    "the signed one in an extension": (id) =>
      responseOf(
        id,
        `<samlp:Extensions>${good(id)}</samlp:Extensions>${into(forge(id, "_evil"), signatureOf(good(id)))}`,
      ),
    "the signed one in the signature's object": (id) => {
      const object = `<Object>${good(id).replace(signatureOf(good(id)), "")}</Object>`;
      return responseOf(
        id,
        into(forge(id, "_evil"), signatureOf(good(id)).replace("</Signature>", `${object}</Signature>`)),
      );
    },
    "the response within a forged one": (id) => responseOf(id, `${forge(id, "_evil")}${responseOf(id, good(id))}`),
  };
  for (const [what, make] of Object.entries(cases)) await assert.rejects(answerWith(make), refused, what);
  const { users } = await client.listUsers({}, { token: admin });
  assert.equal(users.filter(({ username }) => username === "mallory").length, 0);
});

test("comments, CDATA, a DOCTYPE, processing instructions and what is no document are refused before they are read", async () => {
  await answerWith((id) => `<?xml version="1.0" encoding="UTF-8"?>\n${honest(id)}`);
  const cases: Record<string, (id: string) => string> = {
    "a comment in the name": (id) => honest(id, { nameId: "ada.evil" }).replace(">ada.evil<", ">ada<!-- x -->.evil<"),
    CDATA: (id) => honest(id).replace(">ada<", "><![CDATA[ada]]><"),
    DOCTYPE: (id) => `<!DOCTYPE x [<!ENTITY e "ada">]>${honest(id)}`,
    "a DOCTYPE after a declaration": (id) => `<?xml version="1.0"?><!doctype x>${honest(id)}`,
    "a processing instruction": (id) => honest(id).replace(">ada<", ">ada<?x y?><"),
    "no XML": () => "nothing",
    "half of it": (id) => honest(id).slice(0, 500),
    "too much": (id) => `${honest(id)}${" ".repeat(300_000)}`,
  };
  for (const [what, make] of Object.entries(cases)) await assert.rejects(answerWith(make), refused, what);
  for (const samlResponse of ["", "%%%", "<xml/>"]) {
    const { handle } = await start();
    await assert.rejects(client.finishSignIn({ handle, samlResponse }), refused);
  }
});

test("an assertion counts for us, from them, for this request, sent here, now, and once", async () => {
  const bearer = (data: string, method = "bearer") =>
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:${method}">${data}</saml:SubjectConfirmation>`;
  const cases: Record<string, Partial<Answer>> = {
    "another audience": { audience: "https://other.example.com" },
    "another issuer": { issuer: "https://other.example.com" },
    "another recipient": { recipient: "https://other.example.com/acs" },
    "another request": { inResponseTo: "_other" },
    over: { endsS: -10 },
    "not begun": { notBeforeS: 60 },
    "too old": { issuedS: -3600, notBeforeS: -3600, endsS: 3600 },
    "without conditions": { conditions: "" },
    "without an audience": { conditions: '<saml:Conditions NotOnOrAfter="2999-01-01T00:00:00Z"/>' },
    "without confirmation": { confirmation: "" },
    "without its data": { confirmation: bearer("") },
    "with data that names no request": {
      confirmation: bearer(`<saml:SubjectConfirmationData NotOnOrAfter="2999-01-01T00:00:00Z" Recipient="${acsUrl}"/>`),
    },
    "with another name each time": { nameIdFormat: "transient" },
  };
  for (const [what, lie] of Object.entries(cases))
    await assert.rejects(
      answerWith((id) => honest(id, lie)),
      refused,
      what,
    );
  // A second use, and use in a sign-in that somebody else began.
  const first = await start();
  const samlResponse = toBase64(honest(first.requestId));
  await client.finishSignIn({ handle: first.handle, samlResponse });
  await assert.rejects(client.finishSignIn({ handle: first.handle, samlResponse }), { reason: "NO_PENDING_SIGN_IN" });
  const second = await start();
  await assert.rejects(client.finishSignIn({ handle: second.handle, samlResponse }), refused);
  const third = await start();
  const renamed = honest(first.requestId).replace(/InResponseTo="[^"]+"/, `InResponseTo="${third.requestId}"`);
  await assert.rejects(client.finishSignIn({ handle: third.handle, samlResponse: toBase64(renamed) }), refused);
});

test("no change to a signed answer, of a thousand at random, makes it say anything else", async () => {
  const saml = createSaml(Buffer.alloc(32, 7));
  const parsed = identityProviderSpecSchema.parse({
    type: "saml",
    entryPoint: "https://idp.example.com/sso",
    entityId,
    audience,
    certificates: [idp.certificate],
    redirectUris: [acsUrl],
    groups: [{ group: "ops", roles: ["operator"] }],
  });
  assert.ok(parsed.type === "saml");
  const round = { spec: parsed, handle: "handle", state: "state", redirectUri: acsUrl };
  const requestId = requestIdOf(await saml.begin(round));
  const original = honest(requestId, { groups: ["none"] });
  const who = await saml.finish(round, toBase64(original));
  assert.deepEqual([who.username, who.roles], ["ada", []]);
  const random = randomFrom(20_261_120);
  let accepted = 0;
  for (let i = 0; i < 1_000; i++) {
    const changed = mutate(original, random);
    const outcome = await saml.finish(round, toBase64(changed)).catch(() => undefined);
    if (!outcome) continue;
    accepted++;
    // What lies outside the signature may change; what is read may not.
    assert.deepEqual(outcome, who, changed);
  }
  assert.ok(accepted < 500, `${accepted} were taken`);
});

/** A linear congruential generator: numbers below a bound, the same ones each time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A piece left out, said twice, moved, or replaced by what attackers put there. */
function mutate(xml: string, random: (below: number) => number): string {
  const tags = [...xml.matchAll(/<[^>]+>|[^<]+/g)].map(({ index }) => index);
  const cut = () => tags[random(tags.length)] ?? 0;
  const [from = 0, to = 0] = [cut(), cut()].toSorted((a, b) => a - b);
  const piece = xml.slice(from, to);
  const rest = xml.slice(0, from) + xml.slice(to);
  const at = cut();
  switch (random(4)) {
    case 0:
      return rest;
    case 1:
      return xml.slice(0, at) + piece + xml.slice(at);
    case 2:
      return rest.slice(0, at) + piece.replaceAll("ada", "admin") + rest.slice(at);
    default: {
      const byte = random(xml.length);
      return xml.slice(0, byte) + (["o", "<", "&lt;", '"', " ", "_"][random(6)] ?? "") + xml.slice(byte + random(2));
    }
  }
}
