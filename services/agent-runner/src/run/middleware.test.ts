import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentRun } from "@agentmesh/proto/runner";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { runnerMetrics } from "../metrics.ts";
import { type RunMiddleware, runWithMiddleware, usualMiddleware } from "./middleware.ts";
import type { RunRequest } from "./run-request.ts";

const log = createLogger({ service: "test", environment: "test", version: "0", level: "fatal" });
const request: RunRequest = {
  caller: {
    tenant: "acme",
    subject: "user:ada",
    department: "",
    project: "",
    actors: [],
    permissions: new Set(),
    token: "",
  },
  agent: "a",
  text: "hi",
  labels: {},
  useCache: true,
  signal: new AbortController().signal,
  requestId: "r",
  attempt: 1,
  stepKey: "",
};
const run = AgentRun.fromPartial({ id: "1" });

test("middleware that throws, rejects or hangs never fails or holds up a run, and is counted", async () => {
  const metrics = createMetrics({});
  const seen: string[] = [];
  const bad: RunMiddleware[] = [
    {
      name: "throws",
      before() {
        throw new Error("no");
      },
      after: async () => Promise.reject(new Error("no")),
    },
    { name: "hangs", before: () => new Promise(() => undefined) },
    { name: "good", before: () => void seen.push("before"), after: (_request, { id }) => void seen.push(id) },
  ];
  const around = { middleware: bad, log, measured: runnerMetrics(metrics) };
  const startedAtMs = performance.now();
  assert.equal(await runWithMiddleware(around, request, async () => run), run);
  assert.ok(performance.now() - startedAtMs < 1_000);
  assert.deepEqual(seen, ["before", "1"]);
  assert.match(await metrics.render(), /agentmesh_run_middleware_failures_total\{middleware="throws"\} 2/);
});

test("a run that fails fails as it did, and the usual middleware measures it", async () => {
  const metrics = createMetrics({});
  const measured = runnerMetrics(metrics);
  const around = { middleware: usualMiddleware(log, measured), log, measured };
  const failure = new Error("boom");
  await assert.rejects(
    runWithMiddleware(around, request, async () => Promise.reject(failure)),
    (error) => error === failure,
  );
  await runWithMiddleware(around, request, async () => run);
  const text = await metrics.render();
  assert.match(text, /agentmesh_agent_request_duration_seconds_count\{agent="a",outcome="failed"\} 1/);
  assert.match(text, /agentmesh_agent_request_duration_seconds_count\{agent="a",outcome="ended"\} 1/);
});
