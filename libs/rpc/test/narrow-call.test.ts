import assert from "node:assert/strict";
import { test } from "node:test";
import type { Principal } from "@agentmesh/identity";
import { catalogMethods, type MethodRule } from "@agentmesh/proto/catalog";
import { narrowCall, requireRule } from "../src/index.ts";

function rule(name: string, service: string): MethodRule {
  const method = catalogMethods.find((each) => each.name === name && each.service === service);
  assert.ok(method, name);
  return method;
}

function holder(...permissions: string[]): Principal {
  return {
    tenant: "acme",
    subject: "user:ada",
    name: "Ada",
    roles: [],
    permissions: new Set(permissions),
    department: "",
    project: "",
    actors: [],
    sessionId: "",
    amr: [],
    authenticatedAtMs: 0,
    stepUp: new Set(),
    expiresAtMs: 0,
  };
}

const outside = { code: "PERMISSION_DENIED", reason: "OUT_OF_SCOPE" };

test("the field that the contract names is held against the scopes", () => {
  const run = rule("RunAgent", "agent-runner");
  const ada = holder("agent:execute on agent/support-*");
  assert.equal(narrowCall(ada, run, { agent: "support-mail" }), undefined);
  assert.throws(() => narrowCall(ada, run, { agent: "finance" }), outside);
  assert.throws(() => narrowCall(ada, run, { agent: "" }), outside);
  assert.throws(() => narrowCall(ada, run, {}), outside);
  assert.equal(narrowCall(holder("agent:execute"), run, {}), undefined);
  assert.throws(() => narrowCall(holder(), run, { agent: "support-mail" }), { reason: "MISSING_PERMISSION" });
});

test("a kind that the request names is held against the scopes, however it is written", () => {
  const apply = rule("ApplyResource", "agent-runner");
  const ada = holder("agent:create on agent/support-*");
  assert.equal(narrowCall(ada, apply, { kind: "Agent", name: "support-mail" }), undefined);
  assert.throws(() => narrowCall(ada, apply, { kind: "Tool", name: "support-mail" }), outside);
  assert.throws(() => narrowCall(ada, apply, { kind: "", name: "support-mail" }), outside);
});

test("where no resource is named, only who holds the permission everywhere is let in", () => {
  const chat = rule("CompleteChat", "agent-runner");
  assert.throws(() => requireRule(holder("agent:execute on agent/*"), chat), outside);
  requireRule(holder("agent:execute"), chat);
  // Scopes on another kind are none.
  const start = rule("StartWorkflow", "orchestrator");
  assert.throws(() => requireRule(holder("agent:execute on agent/*"), start), outside);
});

test("what the handler finds is held against the scopes, and a handler that says nothing lets nobody in", () => {
  const get = rule("GetRun", "orchestrator");
  const open = () => {
    const narrowing = narrowCall(holder("agent:read on workflow/triage"), get, { id: "1" });
    assert.ok(narrowing);
    return narrowing;
  };
  const said = open();
  said.found("triage");
  assert.deepEqual(said.reply({ id: "1" }), { id: "1" });
  assert.throws(() => open().found("payroll"), { ...outside, message: /^(?!.*payroll)/ });
  assert.throws(() => open().reply({ id: "1" }), outside);
});

test("lists are cut to what may be seen; one that is asked for by name is refused", () => {
  const list = rule("ListRuns", "orchestrator");
  const ada = holder("agent:read on workflow/triage");
  const runs = [{ workflow: "triage" }, { workflow: "payroll" }, { workflow: "triage" }];
  const reply = { runs, nextPageToken: "next" };
  assert.deepEqual(narrowCall(ada, list, { workflow: "" })?.reply(reply), {
    runs: [runs[0], runs[2]],
    nextPageToken: "next",
  });
  assert.throws(() => narrowCall(ada, list, { workflow: "payroll" }), outside);
  const resources = [
    { kind: "Workflow", name: "triage" },
    { kind: "Trigger", name: "triage" },
  ];
  const all = rule("ListResources", "orchestrator");
  assert.deepEqual(narrowCall(ada, all, { kind: "" })?.reply({ resources }), { resources: [resources[0]] });
});

test("every permission that may be limited is asked for by the contract, with a field or by the handler", () => {
  for (const { resource, access, permission, path } of catalogMethods) {
    if (!resource) continue;
    assert.equal(access, "USER", path);
    assert.notEqual(permission, "", path);
    assert.ok(resource.listed === "" || resource.field !== "", path);
  }
});
