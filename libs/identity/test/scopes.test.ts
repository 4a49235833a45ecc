import assert from "node:assert/strict";
import { test } from "node:test";
import {
  holdsScope,
  type Principal,
  readScope,
  reduceScopes,
  requirePermission,
  uncoveredScopes,
} from "../src/index.ts";

function holder(...permissions: string[]): Principal {
  const set = new Set(permissions);
  return {
    tenant: "acme",
    subject: "user:ada",
    name: "Ada",
    roles: [],
    permissions: set,
    department: "",
    project: "",
    actors: [],
    sessionId: "",
    amr: [],
    authenticatedAtMs: 0,
    stepUp: new Set(["agent:delete on agent/support-*"]),
    expiresAtMs: 0,
  };
}

test("a scope is a permission, or one on an exact name or on a prefix of a kind", () => {
  assert.deepEqual(readScope("agent:execute"), { permission: "agent:execute", resource: undefined });
  assert.deepEqual(readScope("data:read:public"), { permission: "data:read:public", resource: undefined });
  assert.deepEqual(readScope("agent:execute on agent/support-*")?.resource, "agent/support-*");
  assert.deepEqual(readScope("agent:execute on agent/*")?.resource, "agent/*");
  for (const wrong of [
    "",
    "agent",
    "agent:execute on",
    "agent:execute on agent",
    "agent:execute on *",
    "agent:execute on agent/a*b",
    "agent:execute  on agent/a",
    "agent:execute on Agent/a",
    "agent:execute on agent/a/b",
    "agent:execute on agent/a\n",
  ]) {
    assert.equal(readScope(wrong), undefined, JSON.stringify(wrong));
  }
});

test("what is held on some resources is held on those alone", () => {
  const held = new Set(["agent:execute on agent/support-*", "agent:execute on workflow/triage", "agent:read"]);
  assert.equal(holdsScope(held, "agent:execute", "agent/support-mail"), true);
  assert.equal(holdsScope(held, "agent:execute", "agent/support-*"), true);
  assert.equal(holdsScope(held, "agent:execute", "agent/*"), false);
  assert.equal(holdsScope(held, "agent:execute", "agent/finance"), false);
  assert.equal(holdsScope(held, "agent:execute", "workflow/triage"), true);
  assert.equal(holdsScope(held, "agent:execute", "workflow/triage-2"), false);
  assert.equal(holdsScope(held, "agent:execute"), false);
  assert.equal(holdsScope(held, "agent:exec", "agent/support-mail"), false);
  assert.equal(holdsScope(held, "agent:read", "agent/finance"), true);
});

test("what others cover is left out, and a scope never by itself", () => {
  const all = [
    "agent:read",
    "agent:read on agent/a",
    "agent:execute on agent/a*",
    "agent:execute on agent/ab",
    "agent:execute on workflow/a",
  ];
  assert.deepEqual([...reduceScopes(all)], ["agent:read", "agent:execute on agent/a*", "agent:execute on workflow/a"]);
  assert.deepEqual([...uncoveredScopes(all, new Set(["agent:execute", "agent:read on agent/*"]))], ["agent:read"]);
});

test("a refusal says what is held instead, and where a second factor would help", () => {
  const ada = holder("agent:execute on agent/support-*");
  requirePermission(ada, "agent:execute", "agent/support-mail");
  assert.throws(() => requirePermission(ada, "agent:execute", "agent/finance"), {
    reason: "OUT_OF_SCOPE",
    message: /may agent:execute on agent\/support-\* only, not on agent\/finance/,
  });
  assert.throws(() => requirePermission(ada, "agent:execute"), { reason: "OUT_OF_SCOPE", message: /everywhere/ });
  assert.throws(() => requirePermission(ada, "agent:read", "agent/support-mail"), { reason: "MISSING_PERMISSION" });
  assert.throws(() => requirePermission(ada, "agent:delete", "agent/support-mail"), { reason: "STEP_UP_REQUIRED" });
  const cut = holder("agent:execute on agent/a", "agent:execute on …");
  assert.throws(() => requirePermission(cut, "agent:execute", "agent/b"), { message: /more than a token carries/ });
});
