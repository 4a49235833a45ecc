import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually } from "@agentmesh/harness";
import { createLogger } from "@agentmesh/telemetry";
import { type HealthTarget, watchHealth } from "./watch-health.ts";

const log = createLogger({ service: "test", environment: "test", version: "0", level: "fatal" });

function targetOf(name: string, probe: HealthTarget["probe"]): HealthTarget {
  return { kind: "agent", tenant: "acme", name, probe };
}

test("what changed is told once; what could not be told is told after the next probes", async () => {
  let isDown = false;
  let refusals = 2;
  const told: string[] = [];
  await using health = watchHealth({
    everyMs: 2,
    failures: 3,
    log,
    targets: () => [
      targetOf("a", async () => {
        if (isDown) throw new AppError("UNAVAILABLE", "away", { reason: "NO_MODEL" });
      }),
    ],
    onProbed: () => undefined,
    async onChanges(changes) {
      if (refusals-- > 0) throw new Error("the database is away");
      told.push(...changes.map(({ name, healthy, reason }) => `${name} ${healthy || reason}`));
    },
  });
  await eventually(() => told.length === 1, { what: "the first success" });
  isDown = true;
  await eventually(() => told.length === 2, { what: "the failure" });
  assert.equal(health.describe(), "agents: 0 of 1 healthy\nagent acme/a: unhealthy (away)");
  isDown = false;
  await eventually(() => told.length === 3, { what: "the recovery" });
  assert.deepEqual(told, ["a true", "a NO_MODEL", "a true"]);
});

test("what is not well is asked until it is, also when it is no longer listed; what is well is then forgotten", async () => {
  let isListed = true;
  let isDown = true;
  let probes = 0;
  await using health = watchHealth({
    everyMs: 2,
    failures: 2,
    log,
    targets: () =>
      isListed
        ? [
            targetOf("a", async () => {
              probes += 1;
              if (isDown) throw new AppError("UNAVAILABLE", "away");
            }),
          ]
        : [],
    onProbed: () => undefined,
    onChanges: async () => undefined,
  });
  await eventually(() => health.describe().includes("unhealthy"), { what: "unhealthy" });
  isListed = false;
  const before = probes;
  await eventually(() => probes > before + 2, { what: "it is still asked" });
  isDown = false;
  await eventually(() => health.describe() === "agents: 0 of 0 healthy", { what: "it is forgotten" });
});

test("a probe that hangs fails at its time-out", async () => {
  let failed = 0;
  await using health = watchHealth({
    everyMs: 2,
    timeoutMs: 10,
    failures: 2,
    log,
    targets: () => [
      {
        kind: "provider",
        tenant: "",
        name: "p",
        probe: (signal) =>
          new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
      },
    ],
    onProbed: (_target, isHealthy) => {
      if (!isHealthy) failed += 1;
    },
    onChanges: async () => undefined,
  });
  await eventually(() => failed > 0, { what: "the time-out" });
  assert.equal(health.isHealthy("p"), false);
  assert.equal(health.isHealthy("another"), true);
});
