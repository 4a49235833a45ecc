import assert from "node:assert/strict";
import { test } from "node:test";
import { type BreakerState, createModelBreaker } from "./model-breaker.ts";

function opened() {
  const seen: [BreakerState, boolean][] = [];
  const breaker = createModelBreaker({ onChange: (state, isOwn) => seen.push([state, isOwn]) });
  for (let n = 0; n < 5; n++) {
    assert.equal(breaker.admit(n), 0);
    breaker.ended("sick", n);
  }
  return { breaker, seen };
}

test("five failures in a row open it; a success or what says nothing in between does not count", () => {
  const breaker = createModelBreaker();
  for (const outcome of ["sick", "sick", "sick", "sick", "ok", "sick", "sick", "spared", "sick", "sick"] as const) {
    assert.equal(breaker.admit(0), 0);
    breaker.ended(outcome, 0);
  }
  assert.equal(breaker.state, "closed");
  breaker.ended("sick", 0);
  assert.equal(breaker.state, "open");
});

test("open for a minute, then one probe at a time; three successes close it", () => {
  const { breaker, seen } = opened();
  assert.equal(breaker.admit(1_004), 59_000);
  for (let n = 0; n < 3; n++) {
    assert.equal(breaker.admit(60_004), 0);
    assert.ok(breaker.admit(60_004) > 0, "a second call waits for the probe");
    breaker.ended("ok", 60_005);
  }
  assert.deepEqual(
    seen.map(([state]) => state),
    ["open", "half-open", "closed"],
  );
});

test("a probe that fails opens it for another minute; one that was cancelled lets the next probe through", () => {
  const { breaker } = opened();
  assert.equal(breaker.admit(60_004), 0);
  breaker.ended("spared", 60_005);
  assert.equal(breaker.admit(60_006), 0);
  breaker.ended("sick", 60_007);
  assert.equal(breaker.state, "open");
  assert.equal(breaker.admit(60_007), 60_000);
});

test("it follows another replica, and says that it did not decide that itself", () => {
  const seen: boolean[] = [];
  const breaker = createModelBreaker({ onChange: (_state, isOwn) => seen.push(isOwn) });
  breaker.follow("open", 0);
  breaker.follow("open", 50_000);
  assert.equal(breaker.admit(1_000), 59_000, "told again does not prolong it");
  breaker.follow("closed", 2_000);
  assert.deepEqual([breaker.state, seen], ["closed", [false, false]]);
});
