import assert from "node:assert/strict";
import { test } from "node:test";
import { fromClaims, rolesOf } from "./external-identity.ts";
import { identityProviderSpecSchema, type OidcSpec } from "./identity-provider-spec.ts";
import { isCallbackOf, isRedirectAllowed } from "./redirect-uri.ts";

const nowMs = Date.parse("2026-11-20T12:00:00Z");
const authTimeS = nowMs / 1000 - 60;

function spec(more: object = {}): OidcSpec {
  const parsed = identityProviderSpecSchema.parse({
    type: "oidc",
    issuer: "https://id.example.com",
    clientId: "mesh",
    redirectUris: ["https://mesh.example.com/callback"],
    ...more,
  });
  assert.ok(parsed.type === "oidc");
  return parsed;
}

const claims = { sub: "1", preferred_username: "Ada@Example.com", name: "Ada" };

test("a second factor at the provider counts only where its word is taken, and as old as it says", () => {
  const trusting = spec({ secondFactorAmr: ["mfa", "hwk"] });
  const of = (more: object, by = trusting) => fromClaims(by, { ...claims, ...more }, nowMs);
  assert.deepEqual(of({ amr: ["pwd", "hwk"], auth_time: authTimeS }).amr, ["fed", "mfa"]);
  assert.equal(of({ amr: ["hwk"], auth_time: authTimeS }).authenticatedAtMs, authTimeS * 1000);
  assert.equal(of({ amr: ["hwk"], auth_time: nowMs / 1000 + 999 }).authenticatedAtMs, nowMs);
  for (const more of [
    { amr: ["pwd"], auth_time: authTimeS },
    { amr: ["mfa"] },
    { amr: "x", auth_time: authTimeS },
    {},
  ]) {
    assert.deepEqual(of(more).amr, ["fed"]);
    assert.equal(of(more).authenticatedAtMs, undefined);
  }
  assert.deepEqual(of({ amr: ["mfa"], auth_time: authTimeS }, spec()).amr, ["fed"]);
});

test("claims are found by name and by path, and never in what every object has", () => {
  const of = (groups: string, more: object) => {
    const by = spec({ claims: { groups }, groups: [{ group: "g", roles: ["operator"] }] });
    return fromClaims(by, { ...claims, ...more }, nowMs).roles;
  };
  assert.deepEqual(of("groups", { groups: ["g", "h"] }), ["operator"]);
  assert.deepEqual(of("groups", { groups: "g" }), ["operator"]);
  assert.deepEqual(of("realm.roles", { realm: { roles: ["g"] } }), ["operator"]);
  assert.deepEqual(of("https://mesh.example.com/roles", { "https://mesh.example.com/roles": ["g"] }), ["operator"]);
  assert.deepEqual(of("groups", { groups: ["G", "g ", { group: "g" }, 1] }), []);
  assert.deepEqual(of("constructor.name", {}), []);
  assert.deepEqual(of("realm.roles", { realm: null }), []);
  assert.deepEqual(rolesOf({ defaultRoles: ["b", "a"], groups: [{ group: "g", roles: ["a"] }] }, ["g"]), ["a", "b"]);
});

test("what names nobody is refused, and an address that is not verified is left out", () => {
  const refused = { code: "UNAUTHENTICATED", reason: "PROVIDER_CLAIMS" };
  const bad = [
    { sub: "" },
    { sub: 1 },
    { sub: "a\0" },
    { preferred_username: "" },
    { preferred_username: "a b" },
    { preferred_username: "svc:x" },
    { preferred_username: ["ada"] },
    { preferred_username: "x".repeat(100) },
  ];
  for (const more of bad) assert.throws(() => fromClaims(spec(), { ...claims, ...more }, nowMs), refused);
  const who = fromClaims(spec(), { ...claims, name: "A\0da", email: "a@x", email_verified: false }, nowMs);
  assert.deepEqual([who.username, who.displayName, who.email], ["ada@example.com", "A da", ""]);
  assert.equal(fromClaims(spec(), { ...claims, email: "a@x", email_verified: true }, nowMs).email, "a@x");
});

test("browsers go back where they may, and callbacks are held against where they were sent", () => {
  const allowed = ["https://mesh.example.com/callback", "http://127.0.0.1/callback"];
  assert.ok(isRedirectAllowed(allowed, "https://mesh.example.com/callback"));
  assert.ok(isRedirectAllowed(allowed, "http://127.0.0.1:5000/callback"));
  const bad = [
    "https://mesh.example.com/callback/",
    "https://mesh.example.com:444/callback",
    "https://mesh.example.com/callback?x=1",
    "http://127.0.0.1:5000/callback?x=1",
    "https://127.0.0.1:5000/callback",
    "http://127.0.0.1:5000/",
  ];
  for (const uri of bad) assert.equal(isRedirectAllowed(allowed, uri), false, uri);
  assert.ok(isCallbackOf("https://mesh.example.com/callback", new URL("https://mesh.example.com/callback?code=1")));
  assert.equal(isCallbackOf("https://mesh.example.com/a", new URL("https://mesh.example.com/b?code=1")), false);
  assert.equal(isCallbackOf("https://mesh.example.com/a", new URL("http://mesh.example.com/a")), false);
});
