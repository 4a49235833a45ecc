import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, LiveAlert } from "./alert.ts";
import { decideAlerts } from "./decide-alerts.ts";
import { compileRule } from "./rule.ts";

const now = new Date("2026-11-20T12:00:00Z");
const base = { metric: "agent_error_rate", op: "above", threshold: 0.1, severity: "error", summary: "errors" };
const seen = [{ labels: {}, value: 0.5 }];

function decide(rules: ReturnType<typeof compileRule>[], live: LiveAlert[] = [], value = 0.5) {
  let next = 0;
  return decideAlerts(
    rules,
    () => (value > 0 ? [{ labels: {}, value }] : []),
    live,
    now,
    () => `id-${++next}`,
  );
}

function isLive(alert: Alert): alert is LiveAlert {
  return alert.state !== "resolved";
}

function liveAfter(rule: ReturnType<typeof compileRule>): LiveAlert[] {
  return decide([rule])
    .changes.map(({ alert }) => alert)
    .filter(isLive);
}

test("a rule that inhibits and one that is inhibited begin together: only the first is active", () => {
  const inhibited = compileRule("acme", "a-detail", { ...base, inhibitedBy: ["whole"] });
  const { changes } = decide([inhibited, compileRule("acme", "whole", base)]);
  assert.deepEqual(
    changes.map(({ alert, to }) => [alert.rule, to]),
    [
      ["whole", "active"],
      ["a-detail", "suppressed"],
    ],
  );
  const elsewhere = decide([inhibited, compileRule("other", "whole", base)]);
  assert.ok(
    elsewhere.changes.every(({ to }) => to === "active"),
    "another tenant's alert inhibits nothing",
  );
});

test("a silence ends by itself", () => {
  const silenced = compileRule("acme", "r", { ...base, silencedUntil: "2026-11-20T12:00:01Z" });
  const past = compileRule("acme", "r", { ...base, silencedUntil: "2026-11-20T11:59:59Z" });
  const live = liveAfter(silenced);
  assert.equal(live[0]?.state, "suppressed");
  assert.deepEqual(decide([silenced], live).changes, []);
  assert.equal(decide([past], live).changes[0]?.to, "active");
});

test("an alert whose rule or group is gone is resolved; one that goes on has its value refreshed", () => {
  const rule = compileRule("acme", "r", base);
  const live = liveAfter(rule);
  assert.equal(live[0]?.state, "active");
  assert.equal(decide([], live).changes[0]?.to, "resolved");
  assert.equal(decide([rule], live, 0).changes[0]?.to, "resolved");
  const { changes, refreshed } = decide([rule], live, 0.7);
  assert.deepEqual([changes.length, refreshed[0]?.value], [0, 0.7]);
  assert.deepEqual(decide([rule], live, seen[0]?.value), { changes: [], refreshed: [] });
});
