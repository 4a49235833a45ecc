import assert from "node:assert/strict";
import { test } from "node:test";
import { CALM, optimise, type Posture } from "./optimise.ts";
import type { AgentWindow } from "./optimise-agents.ts";

const quiet = { memoryShare: 0.3, cpuShare: 0.2, models: [] };
const busy = { ...quiet, cpuShare: 0.95 };
const agent = (more: Partial<AgentWindow> = {}): AgentWindow => ({
  agent: "acme/a",
  requestsPerMinute: 20,
  computed: 20,
  p95Ms: 800,
  cpuShare: 0.01,
  memoryBytes: 100_000,
  replaceable: "p/slow",
  ...more,
});

function play(windows: readonly Parameters<typeof optimise>[0][], from: Posture = CALM) {
  let posture = from;
  const done = windows.map((window) => {
    const decided = optimise(window, posture);
    posture = decided.posture;
    return decided.actions.map((action) => ({ ...action, reason: action.reason }));
  });
  return { posture, done: done.flat(), windows: done };
}
const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

test("an agent whose runs hold much gets fewer places, a quarter at least, and all of them when it is over", () => {
  const heavy = play(times(5, { ...quiet, agents: [agent({ memoryBytes: 60_000_000 })] }));
  const reason = "its runs hold about 60 MB";
  assert.deepEqual(heavy.done, [
    { kind: "set-agent-concurrency", agent: "acme/a", share: 0.5, reason },
    { kind: "set-agent-concurrency", agent: "acme/a", share: 0.25, reason },
  ]);
  const calm = play(times(15, { ...quiet, agents: [] }), heavy.posture);
  assert.deepEqual(
    calm.done.map((action) => "share" in action && action.share),
    [0.38, 0.57, 0.86, 1],
  );
  assert.deepEqual([calm.windows[0], calm.windows[1]], [[], []], "three windows of calm for a step");
  assert.equal(calm.posture.agents.slowed.size, 0);
});

test("many or hungry runs are no harm while there is processor left; where there is not, their agents are slowed first", () => {
  const many = agent({ requestsPerMinute: 5_000 });
  const hungry = agent({ agent: "acme/b", cpuShare: 0.4 });
  const modest = agent({ agent: "acme/c" });
  assert.deepEqual(play([{ ...quiet, agents: [many, hungry, modest] }]).done, []);
  const { windows } = play(times(3, { ...busy, agents: [many, hungry, modest] }));
  assert.deepEqual(
    windows[0]?.map((action) => `${action.kind} ${"agent" in action && action.agent} ${action.reason}`),
    [
      "set-agent-concurrency acme/a 5000 requests a minute",
      "set-agent-concurrency acme/b a run takes about 40 % of a processor",
    ],
  );
  assert.deepEqual(
    windows[2]?.map(({ kind }) => kind),
    ["set-concurrency"],
    "what is left is everybody's",
  );
});

test("an agent that becomes slow is switched to its other model for ten windows; one that always was is not", () => {
  const usual = play(times(5, { ...quiet, agents: [agent()] })).posture;
  const slow = { ...quiet, agents: [agent({ p95Ms: 16_000 })] };
  const spell = play([slow, slow], usual);
  const reason = "the 95th percentile of its runs is 16000 ms, usually 800 ms";
  assert.deepEqual(spell.done, [{ kind: "switch-model", agent: "acme/a", model: "p/slow", reason }]);
  assert.equal(spell.posture.agents.usualMs.get("acme/a"), 800, "a slow spell does not become normal");
  const over = play(times(9, { ...quiet, agents: [] }), spell.posture);
  assert.deepEqual(over.done, [
    { kind: "return-model", agent: "acme/a", model: "p/slow", reason: "10 windows are over" },
  ]);
  assert.deepEqual(play(times(5, slow)).done, []);
  const alone = { ...quiet, agents: [agent({ p95Ms: 16_000, replaceable: "" })] };
  assert.deepEqual(play([alone], usual).done, [], "there is no other model");
});

test("no more agents are slowed or switched than can be kept in mind", () => {
  const agents = Array.from({ length: 200 }, (_, n) => agent({ agent: `acme/${n}` }));
  const usual = play(times(2, { ...quiet, agents })).posture;
  const bad = agents.map((each) => ({ ...each, p95Ms: 30_000, memoryBytes: 60_000_000 }));
  const { slowed, switched } = play(times(3, { ...quiet, agents: bad }), usual).posture.agents;
  assert.deepEqual([slowed.size, switched.size], [64, 64]);
});
