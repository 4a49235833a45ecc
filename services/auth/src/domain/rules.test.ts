import assert from "node:assert/strict";
import { test } from "node:test";
import { actClaim, withActor } from "./act-chain.ts";
import { judgeRefresh } from "./judge-refresh.ts";
import { lockOutMs } from "./lock-out.ts";
import { planKeys, signingKeyOf } from "./plan-keys.ts";
import { checkNewPassword, checkUsername } from "./usernames.ts";

test("locks double from the first and stop at the longest", () => {
  const policy = { freeFailures: 2, firstMs: 1000, longestMs: 60_000 };
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 8, 9, 1000].map((failures) => lockOutMs(failures, policy)),
    [0, 0, 0, 1000, 2000, 4000, 32_000, 60_000, 60_000],
  );
});

test("a refresh token rotates, repeats within the grace, or gives its copy away", () => {
  const family = { generation: 5, refreshedAtMs: 100_000, expiresAtMs: 1_000_000, ended: false };
  const judge = (presented: number, nowMs: number, changed = {}) =>
    judgeRefresh({ ...family, ...changed }, presented, nowMs, { idleMs: 600_000, graceMs: 10_000 });
  assert.equal(judge(5, 100_001), "rotate");
  assert.equal(judge(4, 109_999), "repeat");
  assert.equal(judge(4, 110_000), "reused");
  assert.equal(judge(3, 100_001), "reused");
  assert.equal(judge(6, 100_001), "reused");
  assert.equal(judge(5, 700_000), "ended");
  assert.equal(judge(5, 100_001, { ended: true }), "ended");
  assert.equal(judge(5, 100_001, { expiresAtMs: 100_001 }), "ended");
});

test("keys are made when there is none or the youngest is old, and retired after their successor has signed long", () => {
  const policy = { rotateAfterMs: 1000, activateAfterMs: 60, keepAfterMs: 300 };
  const key = (kid: string, createdAtMs: number, activeFromMs = createdAtMs) => ({ kid, createdAtMs, activeFromMs });
  assert.deepEqual(planKeys([], 5000, policy), { createActiveFromMs: 5000, retire: [] });
  assert.deepEqual(planKeys([key("a", 5000)], 5999, policy), { createActiveFromMs: undefined, retire: [] });
  assert.deepEqual(planKeys([key("a", 5000)], 6000, policy), { createActiveFromMs: 6060, retire: [] });
  const two = [key("a", 5000), key("b", 6000, 6060)];
  assert.deepEqual(planKeys(two, 6359, policy), { createActiveFromMs: undefined, retire: [] });
  assert.deepEqual(planKeys(two, 6360, policy), { createActiveFromMs: undefined, retire: ["a"] });
  assert.equal(signingKeyOf(two, 6059)?.kid, "a");
  assert.equal(signingKeyOf(two, 6060)?.kid, "b");
  assert.equal(signingKeyOf([], 6060), undefined);
});

test("actors nest outermost first, to a depth of four", () => {
  assert.equal(actClaim([]), undefined);
  assert.deepEqual(actClaim(withActor(["agent:a"], "agent:b")), { sub: "agent:b", act: { sub: "agent:a" } });
  assert.deepEqual(withActor(["agent:a"], ""), ["agent:a"]);
  assert.throws(() => withActor(["agent:a", "agent:b", "agent:c", "agent:d"], "agent:e"), {
    reason: "TOO_MANY_ACTORS",
  });
  assert.throws(() => withActor([], "no colon"), { reason: "BAD_ACTOR" });
});

test("user names are normalised, passwords are long and not the user name", () => {
  assert.equal(checkUsername(" Ada.Lovelace@example.com ", false), "ada.lovelace@example.com");
  assert.throws(() => checkUsername("a.b", true), { reason: "BAD_USERNAME" });
  assert.throws(() => checkUsername("../x", false), { reason: "BAD_USERNAME" });
  checkNewPassword("correct horse battery", "ada");
  assert.throws(() => checkNewPassword("short", "ada"), { reason: "WEAK_PASSWORD" });
  assert.throws(() => checkNewPassword("Ada.Lovelace", "ada.lovelace"), { reason: "WEAK_PASSWORD" });
  assert.throws(() => checkNewPassword("x".repeat(2000), "ada"), { reason: "WEAK_PASSWORD" });
});
