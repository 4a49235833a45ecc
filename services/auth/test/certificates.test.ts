import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { VerifiedCertificate } from "@agentmesh/proto/auth";
import type { Foundation } from "@agentmesh/service";
import {
  type AuthClient,
  type AuthMesh,
  adminPassword,
  adminToken,
  authMesh,
  createUser,
  exchanged,
  isRefused,
  signIn,
} from "./auth-mesh.ts";

let mesh: AuthMesh;
let client: AuthClient;
let other: AuthClient;
let runner: AuthClient;
let admin: { token: string };
let peer: Foundation;

before(async () => {
  mesh = await authMesh();
  const port = await mesh.start();
  client = await mesh.client(port);
  other = await mesh.client(await mesh.start());
  runner = await mesh.client(port, "agent-runner");
  admin = { token: await adminToken(client) };
  peer = await mesh.peer("cost");
  await client.createUser({ username: "ci", serviceAccount: true, roles: ["operator"] }, admin);
  await createUser(client, admin.token, "ada", ["operator"]);
});

after(() => mesh[Symbol.asyncDispose]());

const bad = { code: "UNAUTHENTICATED", reason: "BAD_CERTIFICATE" };
let made = 0;

/** What the gateway says it verified; another fingerprint each time. */
function certificate(names: Partial<VerifiedCertificate> = {}) {
  const sha256 = (++made).toString(16).padStart(64, "0");
  const value = { tenant: "acme", sha256, uris: [], dnsNames: [], emails: [], notAfter: undefined, ...names };
  return { $case: "certificate", value } as const;
}

function by(credential: ReturnType<typeof certificate>, as = client, audience = "mesh") {
  return as.exchangeToken({ credential, audience });
}

test("only the gateway vouches for certificates, and their token holds what the account's roles grant, without step-up", async () => {
  const shown = certificate({ uris: ["spiffe://corp/a"] });
  const { id, kind, subject } = await client.registerCertificate({ username: "ci", uri: "spiffe://corp/a" }, admin);
  assert.deepEqual([kind, subject], ["uri", "svc:ci"]);
  await assert.rejects(by(shown, runner), { code: "PERMISSION_DENIED", reason: "WORKLOAD_NOT_ALLOWED" });
  const { token, context } = await by(shown);
  assert.deepEqual([context?.subject, context?.amr, context?.stepUpPermissions], ["svc:ci", [], []]);
  assert.ok(context?.permissions.includes("agent:execute"));
  assert.equal((await peer.tokens.verify(token)).sessionId, `cert-${id}`);
  const { certificates } = await client.listCertificates({}, admin);
  assert.ok(certificates.find((entry) => entry.id === id)?.lastUsedAt);
  // Nobody is there in person.
  const here = await by(shown, client, "auth");
  await assert.rejects(client.enrolTotp({}, { token: here.token }), { reason: "NOT_IN_PERSON" });
});

test("taking a registration back ends its tokens at every service within a second; a new one begins anew", async () => {
  const shown = certificate({ dnsNames: ["B.corp.example"] });
  const register = () => client.registerCertificate({ username: "ada", dns: "b.corp.example" }, admin);
  const { id } = await register();
  const { token } = await by(shown, other);
  await peer.tokens.verify(token);
  const startedMs = Date.now();
  await client.removeCertificate({ id }, admin);
  await eventually(() => isRefused(peer.tokens.verify(token), "BAD_TOKEN"), { what: "the end of the token" });
  assert.ok(Date.now() - startedMs < 1_000);
  await assert.rejects(by(shown), bad);
  await assert.rejects(by(shown, other), bad);
  await register();
  await by(shown);
  await client.disableUser({ username: "ada" }, admin);
  await assert.rejects(by(shown), { code: "UNAUTHENTICATED" });
  await client.enableUser({ username: "ada" }, admin);
  await eventually(() => by(shown), { what: "the account" });
});

test("registrations end, the certificate's own end counts too, and a token outlives neither", async () => {
  const soon = new Date(Date.now() + 60_000);
  const shown = certificate({ emails: ["c@corp.example"], notAfter: soon });
  await client.registerCertificate({ username: "ci", email: "c@CORP.example" }, admin);
  const { expiresAt } = await by(shown);
  assert.ok(Number(expiresAt) <= Number(soon));
  await assert.rejects(by(certificate({ emails: ["c@corp.example"], notAfter: new Date(Date.now() - 1) })), bad);
  // The part before the @ has its case.
  await assert.rejects(by(certificate({ emails: ["C@corp.example"] })), bad);
  const brief = certificate({ uris: ["spiffe://corp/brief"] });
  await client.registerCertificate({ username: "ci", uri: "spiffe://corp/brief", ttlS: 2 }, admin);
  await by(brief);
  await eventually(() => isRefused(by(brief), "BAD_CERTIFICATE"), { what: "the registration to end" });
});

test("a certificate with names of two accounts is neither's, but for the fingerprint, which is one certificate's", async () => {
  const shown = certificate({ uris: ["spiffe://corp/d"], dnsNames: ["d.corp.example"] });
  await client.registerCertificate({ username: "ci", uri: "spiffe://corp/d" }, admin);
  await by(shown);
  await client.registerCertificate({ username: "ada", dns: "d.corp.example" }, admin);
  await assert.rejects(by(shown), bad);
  await client.registerCertificate({ username: "ada", sha256: shown.value.sha256 }, admin);
  assert.match((await by(shown)).context?.subject ?? "", /^user:/);
});

test("what one tenant registers says nothing in another, and admins see and end only their own", async () => {
  await client.createTenant({ name: "globex", adminUsername: "gina", adminPassword }, admin);
  const theirs = await eventually(
    async () => {
      const { accessToken } = await signIn(client, { tenant: "globex", username: "gina" });
      const token = await exchanged(client, accessToken);
      return (await client.whoAmI({}, { token })).permissions.includes("system:admin") && { token };
    },
    { what: "the other tenant" },
  );
  const uri = "spiffe://corp/e";
  const { id } = await client.registerCertificate({ username: "ci", uri }, admin);
  await assert.rejects(by(certificate({ tenant: "globex", uris: [uri] })), bad);
  // Who registers another's name gains nothing by it, and takes nothing away.
  await client.registerCertificate({ username: "gina", uri }, theirs);
  assert.equal((await by(certificate({ uris: [uri] }))).context?.tenant, "acme");
  assert.equal((await by(certificate({ tenant: "globex", uris: [uri] }))).context?.tenant, "globex");
  assert.equal((await client.listCertificates({}, theirs)).certificates.length, 1);
  await assert.rejects(client.removeCertificate({ id }, theirs), { reason: "CERTIFICATE_NOT_FOUND" });
  await assert.rejects(client.registerCertificate({ username: "ci", uri: "spiffe://x/y" }, theirs), {
    reason: "USER_NOT_FOUND",
  });
});

test("names that are none, are taken, or are said twice are refused, and so is who may not", async () => {
  const register = (name: object) => client.registerCertificate({ username: "ci", ...name }, admin);
  const badName = { code: "INVALID_ARGUMENT", reason: "BAD_CERTIFICATE_NAME" };
  for (const name of [
    {},
    { uri: "not a uri" },
    { uri: `spiffe://${"x".repeat(600)}` },
    { dns: "*.corp.example" },
    { dns: "localhost" },
    { email: "nobody" },
    { sha256: "abc" },
    { pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
    { uri: "spiffe://corp/x", dns: "x.corp.example" },
  ]) {
    await assert.rejects(register(name), badName, JSON.stringify(name));
  }
  await register({ uri: "spiffe://corp/f" });
  await assert.rejects(register({ uri: "spiffe://corp/f" }), { code: "CONFLICT", reason: "CERTIFICATE_TAKEN" });
  for (const shown of [
    certificate({ sha256: "" }),
    certificate({ sha256: "A".repeat(64) }),
    certificate({ uris: ["spiffe://corp/f\0"] }),
    certificate({ tenant: "acme\0", uris: ["spiffe://corp/f"] }),
    certificate({ uris: ["spiffe://corp/f"], dnsNames: Array.from({ length: 20 }, (_, i) => `n${i}.example`) }),
  ]) {
    await assert.rejects(by(shown), bad);
  }
  await by(certificate({ uris: ["spiffe://corp/f"] }));
  const guest = { token: await exchanged(client, (await signIn(client, { username: "ada" })).accessToken) };
  await assert.rejects(client.registerCertificate({ username: "ada", uri: "spiffe://corp/g" }, guest), {
    code: "PERMISSION_DENIED",
  });
});
