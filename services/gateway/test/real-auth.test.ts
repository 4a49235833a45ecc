import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { type EdgeWithAuth, password, startWithAuth } from "./with-auth.ts";

let edge: EdgeWithAuth;
let client: EdgeWithAuth["client"];

before(async () => {
  edge = await startWithAuth();
  client = edge.client;
});
after(() => edge[Symbol.asyncDispose]());

test("a user signs in, is known, makes a key that works, and is out after signing out", async () => {
  const signedIn = await client.signIn({ tenant: "acme", username: "admin", password });
  const token = signedIn.accessToken;
  const me = await client.whoAmI({}, { token });
  assert.equal(me.username, "admin");
  assert.ok(me.permissions.includes("system:admin"));
  const { secret } = await client.createApiKey({ name: "ci", username: "admin", ttlS: 3600 }, { token });
  assert.equal((await client.whoAmI({}, { metadata: { "x-api-key": secret } })).username, "admin");
  await client.signOut({}, { token });
  await eventually(
    async () => (await client.whoAmI({}, { token }).catch((error) => error)).code === "UNAUTHENTICATED",
    { what: "the signed-out session to be refused" },
  );
});

test("wrong passwords, made-up tokens and keys are refused", async () => {
  const wrong = client.signIn({ tenant: "acme", username: "admin", password: "not this one at all" });
  await assert.rejects(wrong, { code: "UNAUTHENTICATED" });
  await assert.rejects(client.whoAmI({}, { token: "a.b.c" }), { code: "UNAUTHENTICATED" });
  await assert.rejects(client.whoAmI({}, { metadata: { "x-api-key": "am_nope" } }), { code: "UNAUTHENTICATED" });
});
