import assert from "node:assert/strict";
import { test } from "node:test";
import { Run, type Step } from "@agentmesh/proto/orchestrator";
import { openMatters } from "./open-matters.ts";

const now = new Date(2026, 10, 20, 12, 0, 0);

function textsOf(run: Parameters<typeof Run.fromPartial>[0], doubted: readonly Step[] = []): string[] {
  return openMatters(Run.fromPartial({ id: "r1", ...run }), [], doubted, now).map(
    ({ about, text, todo }) => `${about}: ${text} → ${todo.map(([command]) => command).join(" | ")}`,
  );
}

test("what waits for a time or an event says for which", () => {
  const wait = { kind: "STEP_KIND_WAIT", state: "STEP_STATE_WAITING" } as const;
  const event = { event: "order.paid", publisher: "shop", match: "$.data.order", equals: "O-1" };
  const found = textsOf({
    state: "RUN_STATE_RUNNING",
    steps: [
      { ...wait, node: "night", input: { until: new Date(2026, 10, 20, 22, 0, 0).toISOString() } },
      { ...wait, node: "paid", input: event },
      { ...wait, node: "any", input: { event: "order.paid", publisher: "shop" } },
    ],
  });
  assert.deepEqual(found, [
    "night: waits until 22:00:00 → ",
    "paid: waits for the event order.paid of shop, whose $.data.order is O-1 → ",
    "any: waits for the event order.paid of shop → ",
  ]);
});

test("an item in doubt is named with its number; an undo can be left as it is", () => {
  const failure = { code: "IN_DOUBT", message: "no answer" };
  const [item] = Run.fromPartial({ steps: [{ node: "pay", shard: 7, state: "STEP_STATE_IN_DOUBT", failure }] }).steps;
  assert.ok(item);
  const [text] = textsOf({ state: "RUN_STATE_RUNNING", steps: [] }, [item]);
  assert.match(
    text ?? "",
    /^pay#7: nobody knows whether it happened \(IN_DOUBT: no answer\).* → resolve r1\/pay#7 succeed/,
  );
});

test("a queue is only worth a word when nothing else goes on; an ended run offers what is possible", () => {
  const ready = { node: "a", state: "STEP_STATE_DISPATCHED" } as const;
  assert.match(textsOf({ state: "RUN_STATE_RUNNING", steps: [ready] })[0] ?? "", /^a: in the queue.* → mesh$/);
  const busy = { node: "b", state: "STEP_STATE_RUNNING" } as const;
  assert.deepEqual(textsOf({ state: "RUN_STATE_RUNNING", steps: [ready, busy] }), []);
  assert.match(textsOf({ state: "RUN_STATE_FAILED" })[0] ?? "", /→ retry r1 \| rerun r1$/);
  const undone = { node: "a~undo", phase: "STEP_PHASE_COMPENSATE" } as const;
  assert.match(textsOf({ state: "RUN_STATE_FAILED", steps: [undone] })[0] ?? "", /undone → rerun r1$/);
  assert.deepEqual(textsOf({ state: "RUN_STATE_SUCCEEDED" }), []);
});
