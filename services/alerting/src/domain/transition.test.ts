import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Condition, type LiveState, transition } from "./transition.ts";

const at = (ms: number) => new Date(1_700_000_000_000 + ms);

test("every cell of the table", () => {
  const cells: [LiveState | undefined, (string | undefined)[]][] = [
    [undefined, ["pending", "active", "suppressed", undefined]],
    ["pending", [undefined, "active", "suppressed", "forgotten"]],
    ["active", [undefined, undefined, "suppressed", "resolved"]],
    ["suppressed", ["active", "active", undefined, "resolved"]],
    ["acknowledged", [undefined, undefined, undefined, "resolved"]],
  ];
  for (const [state, expected] of cells) {
    const steps = [
      { holds: true, suppressed: false, forMs: 20_000 },
      { holds: true, suppressed: false, forMs: state ? 10_000 : 0 },
      { holds: true, suppressed: true, forMs: state ? 10_000 : 0 },
      { holds: false, suppressed: false, forMs: 10_000 },
    ].map((condition) => transition(state && { state, heldSince: at(0) }, condition, at(10_000))?.to);
    assert.deepEqual(steps, expected, `from ${state}`);
  }
});

type Moment = { afterMs: number; holds: boolean; suppressed: boolean; acknowledge: boolean };

const moments = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 1, max: 20_000 }),
    holds: fc.boolean(),
    suppressed: fc.boolean(),
    acknowledge: fc.boolean(),
  }),
  { maxLength: 60 },
);

test("nobody is told before the condition held for its time without a break; who is told once is told the end once", () => {
  fc.assert(
    fc.property(moments, fc.integer({ min: 0, max: 30_000 }), (history, forMs) => {
      const told = play([...history, { afterMs: 1, holds: false, suppressed: false, acknowledge: false }], forMs);
      assert.equal(told.live, undefined, "nothing lives on once the condition is over");
      for (const episode of told.episodes) {
        assert.ok(episode.filter((what) => what === "resolved").length <= 1);
        assert.ok(!episode.includes("active") || episode.at(-1) === "resolved");
        if (episode.includes("resolved")) assert.equal(episode.at(-1), "resolved");
      }
    }),
  );
});

/** Plays a history; a break of the condition starts the clock anew. */
function play(history: readonly Moment[], forMs: number) {
  let nowMs = 0;
  let unbrokenSinceMs: number | undefined;
  let live: { state: LiveState; heldSince: Date } | undefined;
  const episodes: string[][] = [];
  for (const { afterMs, holds, suppressed, acknowledge } of history) {
    nowMs += afterMs;
    unbrokenSinceMs = holds ? (unbrokenSinceMs ?? nowMs) : undefined;
    const condition: Condition = { holds, suppressed, forMs };
    const step = transition(live, condition, at(nowMs));
    if (step) {
      if (live === undefined) episodes.push([]);
      episodes.at(-1)?.push(step.to);
      assert.notEqual(step.to, live?.state);
      if (live?.state === "acknowledged") assert.equal(step.to, "resolved");
      if (step.to === "active") {
        assert.ok(!suppressed && unbrokenSinceMs !== undefined && nowMs - unbrokenSinceMs >= forMs);
      }
      live =
        step.to === "resolved" || step.to === "forgotten" ? undefined : { state: step.to, heldSince: step.heldSince };
    }
    if (acknowledge && live?.state === "active") live = { ...live, state: "acknowledged" };
    assert.deepEqual(
      transition(live, condition, at(nowMs)),
      undefined,
      "the same moment looked at twice changes nothing more",
    );
  }
  return { live, episodes };
}
