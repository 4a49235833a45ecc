// The chaos run in short; `npm run chaos` is the long one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { renderResult } from "./report.ts";
import { runChaos } from "./run-chaos.ts";

const workflows = 42;
const kills = 8;
const seed = Number(process.env.FAULT_SEED ?? 20_261_120);

test(`${workflows} workflows of all shapes under ${kills} kills (FAULT_SEED=${seed})`, async (t) => {
  const result = await runChaos({ workflows, kills, seed, runners: 2, log: (line) => t.diagnostic(line) });
  t.diagnostic(renderResult({ workflows, kills, seed }, result));
  assert.deepEqual(result.problems, []);
  assert.equal(
    [...result.kills.values()].reduce((sum, count) => sum + count, 0),
    kills,
  );
});
