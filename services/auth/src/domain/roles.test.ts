import assert from "node:assert/strict";
import { test } from "node:test";
import { intersectScopes } from "@agentmesh/identity";
import { checkRoles, compileRole, type RoleSpecs } from "./compile-roles.ts";
import type { Conditions } from "./constraints.ts";
import { decide, maxSessionsOf, rightsOf } from "./decide.ts";
import { explain } from "./explain.ts";
import { clearanceOf, fitScopes, MAX_SCOPE_CHARS } from "./permissions.ts";
import { roleSpecSchema } from "./role-spec.ts";
import { shippedRoles } from "./shipped-roles.ts";

// 2026-11-20 is a Friday.
const fridayNoon: Conditions = {
  atMs: Date.parse("2026-11-20T12:00:00Z"),
  address: "10.1.2.3",
  environment: "development",
};

function specs(roles: Record<string, unknown>): RoleSpecs {
  return new Map(Object.entries(roles).map(([name, spec]) => [name, roleSpecSchema.parse(spec)]));
}

function compiled(roles: Record<string, unknown>) {
  const all = specs(roles);
  return { get: (name: string) => (all.has(name) ? compileRole(all, name) : undefined) };
}

function granted(roles: Record<string, unknown>, held: string[], conditions: Partial<Conditions> = {}): string[] {
  return [...rightsOf(compiled(roles), held, { ...fridayNoon, ...conditions }).permissions].sort();
}

test("a role grants its own and what it inherits, through any depth; unknown roles grant nothing", () => {
  const roles = {
    a: { permissions: ["agent:read"], inherits: ["b"] },
    b: { permissions: ["agent:execute"], inherits: ["c"] },
    c: { permissions: ["data:read:public"] },
  };
  assert.deepEqual(granted(roles, ["a"]), ["agent:execute", "agent:read", "data:read:public"]);
  assert.deepEqual(granted(roles, ["c"]), ["data:read:public"]);
  assert.deepEqual(granted(roles, ["nope"]), []);
  assert.deepEqual(granted(roles, []), []);
});

test("constraints of a role bind what it inherits, and not others who inherit the same", () => {
  const roles = {
    office: { inherits: ["base"], constraints: { networks: ["10.0.0.0/8"] } },
    remote: { inherits: ["base"], constraints: { environments: ["staging"] } },
    base: { permissions: ["agent:read"] },
  };
  assert.deepEqual(granted(roles, ["office"]), ["agent:read"]);
  assert.deepEqual(granted(roles, ["office"], { address: "192.0.2.1" }), []);
  assert.deepEqual(granted(roles, ["remote"]), []);
  assert.deepEqual(granted(roles, ["office", "remote"], { address: "192.0.2.1", environment: "staging" }), [
    "agent:read",
  ]);
});

test("circles, missing parents and explosions of paths are refused by name", () => {
  assert.throws(() => checkRoles(specs({ a: { inherits: ["b"] }, b: { inherits: ["c"] }, c: { inherits: ["a"] } })), {
    reason: "ROLE_CYCLE",
    message: /a → b → c → a/,
  });
  assert.throws(() => checkRoles(specs({ a: { inherits: ["a"] } })), { reason: "ROLE_CYCLE" });
  assert.throws(() => checkRoles(specs({ a: { inherits: ["ghost"] } })), {
    reason: "UNKNOWN_ROLE",
    message: /role a inherits ghost/,
  });
  const diamonds = Object.fromEntries(
    Array.from({ length: 12 }, (_, level) => [
      [`l${level}`, { inherits: [`l${level + 1}`, `r${level + 1}`] }],
      [`r${level}`, { inherits: [`l${level + 1}`, `r${level + 1}`] }],
    ]).flat(),
  );
  assert.throws(() => checkRoles(specs({ ...diamonds, l12: {}, r12: {} })), { reason: "ROLE_TOO_WIDE" });
});

test("unknown permissions, days, clocks, zones and networks are refused", () => {
  for (const wrong of [
    { permissions: ["agent:fly"] },
    { permissions: ["*"] },
    { permissions: ["agent:execute on *"] },
    { permissions: ["agent:execute on agent/sup*port"] },
    { permissions: ["agent:execute on agent/"] },
    { permissions: ["agent:execute on role/x"] },
    { permissions: ["data:read:public on agent/x"] },
    { permissions: ["system:admin on role/x"] },
    { constraints: { networks: ["10.0.0.0/33"] } },
    { constraints: { networks: ["example.com"] } },
    { constraints: { hours: { from: "9:00", to: "17:00" } } },
    { constraints: { hours: { from: "09:00", to: "17:00", timeZone: "Mars/Base" } } },
    { constraints: { unknown: 1 } },
  ]) {
    assert.equal(roleSpecSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
});

test("hours are local to their zone, end exclusively, and may run through midnight", () => {
  const at = (time: string) => ({ atMs: Date.parse(time) });
  const office = {
    r: {
      permissions: ["agent:read"],
      constraints: { hours: { from: "09:00", to: "17:00", timeZone: "Europe/Berlin" } },
    },
  };
  assert.equal(granted(office, ["r"], at("2026-11-20T08:00:00Z")).length, 1);
  assert.equal(granted(office, ["r"], at("2026-11-20T07:59:59Z")).length, 0);
  assert.equal(granted(office, ["r"], at("2026-11-20T15:59:59Z")).length, 1);
  assert.equal(granted(office, ["r"], at("2026-11-20T16:00:00Z")).length, 0);
  // Summer time shifts the window by an hour of UTC.
  assert.equal(granted(office, ["r"], at("2026-07-03T07:00:00Z")).length, 1);
  assert.equal(granted(office, ["r"], at("2026-11-21T12:00:00Z")).length, 0, "Saturday");
  const night = {
    r: { permissions: ["agent:read"], constraints: { hours: { days: ["fri"], from: "22:00", to: "06:00" } } },
  };
  assert.equal(granted(night, ["r"], at("2026-11-20T23:00:00Z")).length, 1);
  assert.equal(granted(night, ["r"], at("2026-11-21T05:59:00Z")).length, 1);
  assert.equal(granted(night, ["r"], at("2026-11-21T06:00:00Z")).length, 0);
  assert.equal(granted(night, ["r"], at("2026-11-20T05:00:00Z")).length, 0, "Thursday's night");
});

test("networks take IPv4, IPv6 and IPv4 in IPv6, and no unknown address", () => {
  const roles = { r: { permissions: ["agent:read"], constraints: { networks: ["10.0.0.0/8", "2001:db8::/32"] } } };
  for (const address of ["10.255.0.1", "::ffff:10.0.0.1", "2001:db8::1"]) {
    assert.equal(granted(roles, ["r"], { address }).length, 1, address);
  }
  for (const address of ["11.0.0.1", "::ffff:11.0.0.1", "2001:db9::1", "", "10.0.0.1 ", "localhost"]) {
    assert.equal(granted(roles, ["r"], { address }).length, 0, address);
  }
});

test("the explanation names the role, the way to it, and what stood against it", () => {
  const roles = compiled({
    a: { inherits: ["b"] },
    b: { permissions: ["agent:read"], constraints: { environments: ["staging"] } },
    support: { permissions: ["agent:execute on agent/support-*"] },
  });
  const ask = (held: string[], permission: string, resource?: string, conditions: Partial<Conditions> = {}) =>
    explain(roles, held, { permission, resource }, { ...fridayNoon, ...conditions });
  assert.deepEqual(ask(["a"], "agent:read", undefined, { environment: "staging" }), {
    allowed: true,
    reason: "role a, through b, grants agent:read",
    weighed: [{ path: ["a", "b"], scope: "agent:read", allows: true, constraint: "", obstacle: "" }],
  });
  assert.match(ask(["a"], "agent:read").reason, /but it counts in staging, not in development/);
  assert.equal(ask(["a"], "agent:read").weighed[0]?.constraint, "environments");
  assert.match(ask(["a"], "agent:delete").reason, /none of its roles \(a\)/);
  assert.match(ask([], "agent:read").reason, /no role/);
  const support = ask(["support"], "agent:execute", "agent/finance");
  assert.equal(
    support.reason,
    "none of its roles (support) grants agent:execute on agent/finance; role support grants agent:execute on agent/support-*",
  );
  assert.deepEqual(support.weighed[0]?.constraint, "resource");
  assert.equal(
    ask(["support"], "agent:execute", "agent/support-mail").reason,
    "role support grants agent:execute on agent/support-*",
  );
});

test("shipped roles are sound and grant what they say", () => {
  checkRoles(specs(shippedRoles));
  const production = { environment: "production" };
  assert.deepEqual(granted(shippedRoles, ["agent_developer"], production), []);
  assert.ok(granted(shippedRoles, ["agent_developer"]).includes("agent:create"));
  assert.deepEqual(granted(shippedRoles, ["data_analyst"], { address: "192.0.2.1" }), []);
  assert.equal(granted(shippedRoles, ["data_analyst"]).length, 4);
  assert.equal(maxSessionsOf(compiled(shippedRoles), ["operator", "data_analyst"]), 3);
  assert.equal(clearanceOf(new Set(granted(shippedRoles, ["admin"], production))), "secret");
  assert.equal(clearanceOf(new Set(granted(shippedRoles, ["operator"], production))), "internal");
});

test("a second factor counts for a while, for what asks for it, and the strictest role on the way decides", () => {
  const roles = {
    boss: {
      permissions: ["system:admin", "system:monitor"],
      constraints: { secondFactor: { permissions: ["system:admin"] } },
    },
    keeper: { inherits: ["boss"], constraints: { secondFactor: { withinS: 60 } } },
    plain: { permissions: ["system:monitor"] },
  };
  const { atMs } = fridayNoon;
  const rights = (held: string[], ageMs?: number) =>
    rightsOf(compiled(roles), held, {
      ...fridayNoon,
      secondFactorAtMs: ageMs === undefined ? undefined : atMs - ageMs,
    });
  const none = rights(["boss"]);
  assert.deepEqual([...none.permissions], ["system:monitor"]);
  assert.deepEqual([...none.stepUp], ["system:admin"]);
  assert.equal(none.untilMs, Number.POSITIVE_INFINITY);
  assert.deepEqual([...rights(["boss"], 899_999).permissions], ["system:admin", "system:monitor"]);
  assert.equal(rights(["boss"], 899_999).untilMs, atMs + 1);
  assert.deepEqual([...rights(["boss"], 900_000).stepUp], ["system:admin"]);
  assert.deepEqual([...rights(["boss"], -5_001).stepUp], ["system:admin"]);
  assert.deepEqual([...rights(["keeper"], 61_000).stepUp], ["system:admin", "system:monitor"]);
  assert.deepEqual([...rights(["keeper"], 59_000).permissions], ["system:admin", "system:monitor"]);
  // What another role grants without one is there, and nothing of it lapses.
  assert.deepEqual([...rights(["keeper", "plain"], 61_000).permissions], ["system:monitor"]);
  assert.deepEqual([...rights(["keeper", "plain"], 61_000).stepUp], ["system:admin"]);
  const admin = { permission: "system:admin", resource: undefined };
  const why = explain(compiled(roles), ["boss"], admin, fridayNoon);
  assert.equal(why.allowed, false);
  assert.match(why.reason, /900 s after a second factor/);
  assert.equal(explain(compiled(roles), ["boss"], admin, { ...fridayNoon, secondFactorAtMs: atMs }).allowed, true);
});

test("a permission may be limited to resources; what is wider covers what is narrower, and constraints bind both", () => {
  const roles = {
    support: { permissions: ["agent:execute on agent/support-*", "agent:execute on agent/support-mail", "agent:read"] },
    triage: { inherits: ["support"], permissions: ["agent:execute on workflow/triage"] },
    night: { permissions: ["agent:execute on agent/*"], constraints: { environments: ["staging"] } },
  };
  assert.deepEqual(granted(roles, ["triage"]), [
    "agent:execute on agent/support-*",
    "agent:execute on workflow/triage",
    "agent:read",
  ]);
  assert.deepEqual(granted(roles, ["support", "night"], { environment: "staging" }), [
    "agent:execute on agent/*",
    "agent:read",
  ]);
  const may = (held: string[], resource: string | undefined, conditions: Partial<Conditions> = {}) =>
    decide(compiled(roles), held, { permission: "agent:execute", resource }, { ...fridayNoon, ...conditions }) !==
    undefined;
  assert.equal(may(["triage"], "agent/support-mail"), true);
  assert.equal(may(["triage"], "agent/support-"), true);
  assert.equal(may(["triage"], "agent/support"), false);
  assert.equal(may(["triage"], "workflow/triage"), true);
  assert.equal(may(["triage"], "workflow/triage2"), false);
  assert.equal(may(["triage"], "workflow/support-x"), false);
  assert.equal(may(["triage"], undefined), false);
  assert.equal(may(["night"], "agent/finance"), false);
  assert.equal(may(["night"], "agent/finance", { environment: "staging" }), true);
});

test("the intersection of scopes is what both hold", () => {
  const both = (a: string[], b: string[]) => [...intersectScopes(new Set(a), new Set(b))].sort();
  assert.deepEqual(both(["agent:execute", "agent:read"], ["agent:execute on agent/a"]), ["agent:execute on agent/a"]);
  assert.deepEqual(both(["agent:execute on agent/a*"], ["agent:execute on agent/ab*", "agent:execute on agent/b"]), [
    "agent:execute on agent/ab*",
  ]);
  assert.deepEqual(both(["agent:execute on agent/a*"], ["agent:execute on agent/ab", "agent:execute on workflow/ab"]), [
    "agent:execute on agent/ab",
  ]);
  assert.deepEqual(both(["agent:execute on agent/a"], ["agent:execute on agent/b", "agent:read"]), []);
});

test("a role whose limits would not fit into a token is refused, and of many roles what does not fit is marked and not held", () => {
  const names = Array.from({ length: 100 }, (_, index) => `agent:execute on agent/the-agent-number-${index}`);
  assert.throws(() => checkRoles(specs({ wide: { permissions: names } })), { reason: "TOO_MANY_SCOPES" });
  checkRoles(specs({ prefix: { permissions: [...names, "agent:execute on agent/the-*"] } }));
  const fitted = fitScopes(new Set([...names, "agent:execute on workflow/w*", "agent:read"]));
  assert.ok(fitted.join("").length < MAX_SCOPE_CHARS + 100);
  assert.ok(fitted.includes("agent:execute on …") && fitted.includes("agent:read"));
  assert.ok(fitted.includes("agent:execute on workflow/w*"), "the broadest first");
  assert.ok(fitted.includes("agent:execute on agent/the-agent-number-0"));
  assert.ok(!fitted.includes("agent:execute on agent/the-agent-number-99"));
});
