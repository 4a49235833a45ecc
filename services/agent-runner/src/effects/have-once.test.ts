import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as microtasks } from "node:timers/promises";
import { AppError } from "@agentmesh/errors";
import fc from "fast-check";
import { createWorld, TIMEOUT_MS } from "./world.fixture.ts";

// Attempts that run at once, die between any two steps, freeze for any time and lose their answers. The lease is not even
// needed for this: here nobody is fenced by anything but the row.
const MAX_STEPS = 2_000;
const choices = fc.array(fc.nat(100_000), { minLength: 20, maxLength: 120 });

async function play(mode: "verify" | "none", given: readonly number[], hashes: readonly string[] = ["h"]) {
  let at = 0;
  const choose = () => given[at++ % given.length] ?? 0;
  const world = createWorld(mode, choose);
  let started = 0;
  let attempt = 1;
  let asked = 0;
  let seen = 0;
  const start = () => world.start(++started, attempt, hashes[started % hashes.length] ?? "h");
  start();
  for (const choice of given) {
    const [what, pick] = [choice % 12, Math.floor(choice / 12)];
    if (what === 0) world.advance(pick % (8 * TIMEOUT_MS));
    else if (what === 1) world.kill(pick);
    else if (what === 2) world.deliver(pick);
    else if (what === 3 && started < 6) start();
    else if (what === 4 && world.ended.slice(seen).some(isInDoubt)) {
      // A person says: try again.
      seen = world.ended.length;
      world.tell(attempt);
      attempt += 1;
      asked += 1;
      start();
    } else world.step(pick);
    await microtasks();
  }
  start();
  for (let n = 0; !world.isStill; n++) {
    assert.ok(n < MAX_STEPS, "every attempt ends");
    world.step(0);
    await microtasks();
  }
  return { ...world, asked };
}

function isInDoubt({ error }: { readonly error?: unknown }): boolean {
  return error instanceof AppError && error.reason === "IN_DOUBT";
}

test("verify: however attempts overlap, die and freeze, there is one effect at most, and an answer means that it is there", async () => {
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(choices, async (given) => {
      const { applied, ended } = await play("verify", given);
      assert.ok(applied.length <= 1, `${applied.length} effects`);
      for (const { result, error } of ended) {
        if (error === undefined) assert.equal(applied.length, 1, `answered ${result} without an effect`);
        const outcome = error instanceof AppError ? (error.reason ?? error.code) : `${result}`;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }),
    { numRuns: 500 },
  );
  // It would be empty praise if some of these never came about.
  for (const one of ["made", "found", "IN_DOUBT", "EFFECT_LATE", "UNAVAILABLE", "FAILED_PRECONDITION"]) {
    assert.ok(outcomes.has(one), `${one} in ${[...outcomes.keys()]}`);
  }
});

test("none: one effect at most, and one more for each time that a person said try again", async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (given) => {
      const { applied, ended, asked } = await play("none", given);
      assert.ok(applied.length <= 1 + asked, `${applied.length} effects, ${asked} asked for`);
      for (const { error } of ended) if (error === undefined) assert.ok(applied.length >= 1);
    }),
    { numRuns: 500 },
  );
});

test("another request under the same key never has an effect beside the first", async () => {
  await fc.assert(
    fc.asyncProperty(choices, async (given) => {
      const { applied, ended } = await play("verify", given, ["h1", "h2"]);
      assert.ok(applied.length <= 1);
      const results = ended.filter(({ error }) => error === undefined);
      assert.ok(results.length === 0 || applied.length === 1);
    }),
    { numRuns: 200 },
  );
});
