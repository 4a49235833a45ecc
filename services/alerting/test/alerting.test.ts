import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { eventually, freePort } from "@agentmesh/harness";
import type { Alert } from "@agentmesh/proto/alerting";
import { signInAttemptedEvent } from "@agentmesh/proto/auth.contract";
import { dlpFoundEvent } from "@agentmesh/proto/compliance.contract";
import { budgetThresholdCrossedEvent } from "@agentmesh/proto/cost.contract";
import { requestRefusedEvent } from "@agentmesh/proto/gateway.contract";
import {
  triggerRejectedEvent,
  workflowAtRiskEvent,
  workflowEndedEvent,
  workflowNeedsAttentionEvent,
  workflowStartedEvent,
} from "@agentmesh/proto/orchestrator.contract";
import {
  agentHealthChangedEvent,
  agentRunCompletedEvent,
  providerHealthChangedEvent,
} from "@agentmesh/proto/runner.contract";
import { SECRET, type TestMesh, testMesh } from "./mesh.fixture.ts";
import { type Receiver, startReceiver } from "./receiver.fixture.ts";

let stack: AsyncDisposableStack;
let mesh: TestMesh;
let replicas: Awaited<ReturnType<TestMesh["start"]>>[];

before(async () => {
  stack = new AsyncDisposableStack();
  mesh = stack.use(await testMesh());
  replicas = await Promise.all([mesh.start(), mesh.start()]);
  for (const replica of replicas) stack.use(replica);
});

after(() => stack.disposeAsync());

const errorRate = { metric: "agent_error_rate", op: "above", threshold: 0.1, windowS: 300, severity: "error" };
const failing = { ...errorRate, groupBy: "agent", summary: "Runs of an agent fail" };

/** Either replica takes a call. */
function client(index = 0) {
  const replica = replicas[index];
  assert.ok(replica);
  return replica.client;
}

async function apply(tenant: string, kind: string, name: string, spec: object): Promise<void> {
  await client().applyResource({ kind, name, spec }, { token: await mesh.operator(tenant) });
}

async function alertsOf(tenant: string): Promise<Alert[]> {
  const token = await mesh.operator(tenant);
  return (await client(1).listAlerts({}, { token })).alerts;
}

async function awaitAlert(tenant: string, state: string): Promise<Alert> {
  const what = `an alert of ${tenant} in ${state}`;
  return eventually(async () => (await alertsOf(tenant)).find((alert) => alert.state === `ALERT_STATE_${state}`), {
    what,
  });
}

async function channel(tenant: string, extra: object = {}): Promise<Receiver> {
  const receiver = stack.use(await startReceiver());
  await apply(tenant, "Channel", "hook", { type: "webhook", url: receiver.url, ...extra });
  return receiver;
}

test("an alert fires, is told once over two replicas, is acknowledged by the first, and its end is told", async () => {
  const receiver = await channel("acme", { secretEnv: "WEBHOOK_SECRET_ACME__MAIN", severities: ["error"] });
  const quiet = stack.use(await startReceiver());
  await apply("acme", "Channel", "quiet", { type: "webhook", url: quiet.url, severities: ["critical"] });
  await apply("acme", "AlertRule", "agent-errors", { ...failing, runbook: "https://runbooks.example/agents" });
  await mesh.runs("acme", "classifier", { bad: 3, good: 1 });
  await mesh.runs("acme", "drafter", { good: 5 });

  const active = await awaitAlert("acme", "ACTIVE");
  assert.deepEqual(active.labels, { agent: "classifier" });
  assert.deepEqual([active.rule, active.severity, active.threshold], ["agent-errors", "error", 0.1]);
  await eventually(async () => (await awaitAlert("acme", "ACTIVE")).value === 0.75, { what: "the value of all runs" });
  await eventually(() => receiver.deliveries.length === 1, { what: "the notification" });
  const [first] = receiver.deliveries;
  assert.equal(first?.key, `${active.id}:hook:active`);
  const [, seconds = "", signature] = /^t=(\d+),v1=(\w+)$/.exec(String(first?.headers["agentmesh-signature"])) ?? [];
  assert.equal(signature, createHmac("sha256", SECRET).update(`${seconds}.${first?.body}`).digest("hex"));
  const body = JSON.parse(first?.body ?? "");
  assert.deepEqual([body.type, body.tenant, body.alert.id], ["alert.active", "acme", active.id]);
  assert.match(body.text, /^\[error\] agent-errors \(agent=classifier\): Runs of an agent fail — /);

  const [alice, bob] = await Promise.all([mesh.operator("acme", "user:alice"), mesh.operator("acme", "user:bob")]);
  const taken = await client(1).acknowledgeAlert({ id: active.id }, { token: alice });
  assert.deepEqual([taken.state, taken.acknowledgedBy], ["ALERT_STATE_ACKNOWLEDGED", "user:alice"]);
  const again = await Promise.all([alice, bob].map((token) => client().acknowledgeAlert({ id: active.id }, { token })));
  assert.deepEqual(again, [taken, taken]);

  await mesh.runs("acme", "classifier", { good: 40 });
  const resolved = await awaitAlert("acme", "RESOLVED");
  assert.deepEqual([resolved.id, resolved.acknowledgedBy], [active.id, "user:alice"]);
  await eventually(() => receiver.deliveries.length === 2, { what: "the end of it" });
  assert.deepEqual(receiver.types(), ["alert.active", "alert.resolved"]);
  assert.equal(quiet.deliveries.length, 0, "a channel for critical alerts hears nothing of errors");
  assert.equal((await client().acknowledgeAlert({ id: active.id }, { token: alice })).state, "ALERT_STATE_RESOLVED");
  await eventually(async () => (await mesh.emitted("acme", "alert.changed")) === 3, { what: "three changes" });
  // Three changes and three applied resources.
  await eventually(async () => (await mesh.emitted("acme", "audit.recorded")) === 6, { what: "the audit entries" });
});

test("forty alerts that begin together over two replicas are forty notifications", async () => {
  const receiver = await channel("many");
  await apply("many", "AlertRule", "agent-errors", failing);
  const agents = Array.from({ length: 40 }, (_, index) => `agent-${index}`);
  await Promise.all(agents.map((agent) => mesh.runs("many", agent, { bad: 1 })));
  await eventually(() => receiver.deliveries.length >= 40, { what: "forty notifications" });
  const token = await mesh.operator("many");
  const pages: Alert[] = [];
  let pageToken = "";
  do {
    const page = await client().listAlerts({ pageSize: 15, pageToken }, { token });
    pages.push(...page.alerts);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.equal(new Set(pages.map(({ id }) => id)).size, 40);
  assert.equal(receiver.deliveries.length, 40);
  assert.equal(new Set(receiver.deliveries.map(({ key }) => key)).size, 40);
});

test("a condition that does not last is pending and then forgotten; one that lasts becomes active", async () => {
  const receiver = await channel("brief");
  await apply("brief", "AlertRule", "short", { ...failing, forS: 600 });
  await mesh.runs("brief", "a", { bad: 1 });
  const pending = await awaitAlert("brief", "PENDING");
  const token = await mesh.operator("brief");
  await assert.rejects(client().acknowledgeAlert({ id: pending.id }, { token }), { reason: "ALERT_NOT_ACTIVE" });
  await mesh.runs("brief", "a", { good: 20 });
  await eventually(async () => (await alertsOf("brief")).length === 0, { what: "nothing left" });
  assert.equal(receiver.deliveries.length, 0);

  await apply("brief", "AlertRule", "short", { ...failing, groupBy: [], threshold: 0.01, forS: 1 });
  const active = await awaitAlert("brief", "ACTIVE");
  assert.ok((active.changedAt?.getTime() ?? 0) - (active.startedAt?.getTime() ?? 0) >= 1000);
});

test("a receiver that is down, slow or refuses is told everything in order once it works", async () => {
  const port = await freePort();
  await apply("outage", "Channel", "hook", { type: "webhook", url: `http://127.0.0.1:${port}/` });
  await apply("outage", "AlertRule", "agent-errors", failing);
  await mesh.runs("outage", "a", { bad: 1 });
  await awaitAlert("outage", "ACTIVE");
  await mesh.runs("outage", "a", { good: 20 });
  await awaitAlert("outage", "RESOLVED");
  const receiver = stack.use(await startReceiver(port));
  let refusals = 0;
  receiver.answer = (response) => {
    refusals += 1;
    if (refusals === 1) response.writeHead(503).end();
    else if (refusals === 2) response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    else response.writeHead(204).end();
  };
  await eventually(() => receiver.types().includes("alert.resolved"), { what: "the end of the outage" });
  assert.deepEqual(receiver.types(), ["alert.active", "alert.active", "alert.active", "alert.resolved"]);
  assert.equal(new Set(receiver.deliveries.map(({ key }) => key)).size, 2);
  assert.equal(new Set(receiver.deliveries.map(({ body }) => body)).size, 2, "a repeat has the same body");
});

test("every event is measured, each once", async () => {
  const rule = { op: "atLeast", threshold: 2, windowS: 300, severity: "warning", summary: "twice" };
  const now = new Date();
  const events: [string, (id: string) => Promise<void>][] = [
    ["agent_runs", (id) => mesh.publish(agentRunCompletedEvent, "wide", { agent: "a" }, { id })],
    [
      "workflow_starts",
      (id) => mesh.publish(workflowStartedEvent, "wide", { workflow: "w", origin: "trigger/t" }, { id }),
    ],
    [
      "workflow_failures",
      (id) => mesh.publish(workflowEndedEvent, "wide", { workflow: "w", state: "RUN_STATE_FAILED" }, { id }),
    ],
    ["workflows_at_risk", (id) => mesh.publish(workflowAtRiskEvent, "wide", { workflow: "w" }, { id })],
    [
      "workflows_needing_attention",
      (id) => mesh.publish(workflowNeedsAttentionEvent, "wide", { workflow: "w", reason: "IN_DOUBT" }, { id }),
    ],
    [
      "trigger_rejections",
      (id) => mesh.publish(triggerRejectedEvent, "wide", { trigger: "t", code: "TOO_LARGE" }, { id }),
    ],
    [
      "dlp_findings",
      (id) => mesh.publish(dlpFoundEvent, "wide", { place: "gateway.request", kinds: ["card"] }, { id }),
    ],
    ["sign_in_failures", (id) => mesh.publish(signInAttemptedEvent, "wide", { reason: "wrong_password" }, { id })],
    [
      "provider_outages",
      (id) => mesh.publish(providerHealthChangedEvent, "wide", { provider: "openai", healthy: false, at: now }, { id }),
    ],
    [
      "agent_outages",
      (id) => mesh.publish(agentHealthChangedEvent, "wide", { agent: "a", healthy: false, at: now }, { id }),
    ],
    ["requests_refused", (id) => mesh.publish(requestRefusedEvent, "wide", { stage: "limit", at: now }, { id })],
  ];
  for (const [metric, publish] of events) {
    await apply("wide", "AlertRule", metric, { ...rule, metric });
    await Promise.all([publish(`${metric}-1`), publish(`${metric}-1`), publish(`${metric}-2`)]);
  }
  await apply("wide", "AlertRule", "budget", { ...rule, metric: "budget_level", threshold: 0.95, groupBy: "budget" });
  const crossed = { budget: "total", scope: "total", limitNanoUsd: 1000n, spentNanoUsd: 960n };
  await mesh.publish(budgetThresholdCrossedEvent, "wide", crossed);
  await apply("wide", "AlertRule", "dear", { ...rule, metric: "daily_cost_usd", windowS: undefined, threshold: 1.5 });
  await mesh.publish(agentRunCompletedEvent, "wide", { agent: "b", usage: usage(1_500_000_000n) });
  await eventually(
    async () => {
      const alerts = await alertsOf("wide");
      const runs = alerts.find(({ rule: name }) => name === "agent_runs");
      return alerts.length === events.length + 2 && runs?.value === 3;
    },
    { what: "an alert of each rule, with what came last" },
  );
  const values = Object.fromEntries((await alertsOf("wide")).map(({ rule: name, value }) => [name, value]));
  assert.equal(values.budget, 0.96);
  assert.equal(values.dear, 1.5);
  for (const [metric] of events) assert.equal(values[metric], metric === "agent_runs" ? 3 : 2, metric);
});

function usage(costNanoUsd: bigint) {
  return {
    modelCalls: 1,
    uncachedInputTokens: 0n,
    cacheReadTokens: 0n,
    cacheWriteTokens: 0n,
    outputTokens: 0n,
    reasoningTokens: 0n,
    costNanoUsd,
  };
}

test("SLA: compliance, error budget and burn rate from the buckets; a burn-rate rule fires", async () => {
  await apply("sla", "SlaTarget", "success", {
    metric: "agent_success_rate",
    target: 0.9,
    op: "atLeast",
    windowS: 3600,
    where: { agent: "a" },
  });
  await apply("sla", "SlaTarget", "latency", {
    metric: "agent_latency_p95_ms",
    target: 500,
    op: "atMost",
    windowS: 3600,
  });
  await apply("sla", "AlertRule", "burn", {
    metric: "sla_burn_rate",
    op: "above",
    threshold: 2,
    windowS: 3600,
    severity: "critical",
    groupBy: "sla",
    summary: "The error budget is gone in a day",
  });
  await mesh.runs("sla", "a", { good: 15, bad: 5 });
  await mesh.runs("sla", "b", { bad: 3 });
  const token = await mesh.operator("sla");
  const states = await eventually(
    async () => {
      const { slas } = await client().listSlaStates({}, { token });
      const sums = slas.map(({ samples }) => samples);
      return String(sums) === "23,20" && slas;
    },
    { what: "both targets over all samples" },
  );
  const [latency, success] = states;
  assert.ok(latency && success);
  assert.deepEqual([success.value, success.violated, success.windowS], [0.75, true, 3600]);
  assert.ok(Math.abs(success.budgetLeft - -1.5) < 1e-9 && Math.abs(success.burnRate - 2.5) < 1e-9);
  assert.ok(success.compliance < 1 && success.compliance > 0.99);
  assert.deepEqual([latency.value, latency.violated, latency.compliance, latency.budgetLeft], [97.5, false, 1, 1]);
  assert.deepEqual((await awaitAlert("sla", "ACTIVE")).labels, { sla: "success" });
});

test("tenants see, acknowledge and are told nothing of each other", async () => {
  const [ours, theirs] = [await channel("left"), await channel("right")];
  await apply("left", "AlertRule", "agent-errors", failing);
  await apply("right", "AlertRule", "agent-errors", failing);
  await mesh.runs("left", "a", { bad: 1 });
  const alert = await awaitAlert("left", "ACTIVE");
  await eventually(() => ours.deliveries.length === 1, { what: "the notification" });
  assert.equal((await alertsOf("right")).length, 0);
  assert.equal(theirs.deliveries.length, 0);
  const token = await mesh.operator("right");
  await assert.rejects(client().acknowledgeAlert({ id: alert.id }, { token }), { reason: "ALERT_NOT_FOUND" });
  const weak = await mesh.callers.token({ tenant: "left", permissions: ["agent:read"] });
  await assert.rejects(client().listAlerts({}, { token: weak }), { code: "PERMISSION_DENIED" });
});

test("what cannot work is refused when it is applied, with the field and what was expected", async () => {
  const refused = (kind: string, spec: object, expected: object) =>
    assert.rejects(apply("acme", kind, "x", spec), expected, JSON.stringify(spec));
  await refused(
    "AlertRule",
    { ...failing, metric: "moon_phase" },
    { message: /metric: Invalid option.*agent_error_rate/ },
  );
  await refused("AlertRule", { ...failing, op: ">" }, { field: "op" });
  await refused("AlertRule", { ...failing, threshold: "0.1" }, { field: "threshold" });
  await refused("AlertRule", { ...failing, windowS: 1 }, { field: "windowS" });
  await refused("AlertRule", { ...failing, groupBy: "colour" }, { message: /has the labels agent, model/ });
  await refused("AlertRule", { ...failing, metric: "daily_cost_usd" }, { message: /always looks back 86400 s/ });
  await refused("AlertRule", { ...failing, severty: "error" }, { message: /unknown field "severty"/ });
  await refused("SlaTarget", { metric: "dlp_findings", target: 1, op: "atMost", windowS: 60 }, { field: "metric" });
  const hook = { type: "webhook", url: "https://hooks.example/x" };
  await refused("Channel", { ...hook, url: "ftp://hooks.example" }, { field: "url" });
  await refused("Channel", { ...hook, url: "https://user:pw@hooks.example" }, { message: /without user and password/ });
  await refused("Channel", { ...hook, url: "http://169.254.169.254/latest" }, { reason: "ADDRESS_NOT_REACHABLE" });
  await refused("Channel", { ...hook, url: "http://[::ffff:10.0.0.1]/" }, { reason: "ADDRESS_NOT_REACHABLE" });
  await refused("Channel", { ...hook, secretEnv: "POSTGRES_URL" }, { reason: "BAD_SECRET_NAME" });
  await refused("Channel", { ...hook, secretEnv: "WEBHOOK_SECRET_LEFT__MAIN" }, { reason: "BAD_SECRET_NAME" });
  await refused("Channel", { ...hook, secretEnv: "WEBHOOK_SECRET_ACME__NONE" }, { reason: "SECRET_NOT_SET" });
  const token = await mesh.operator("acme");
  await assert.rejects(client().listAlerts({ pageToken: "x" }, { token }), { field: "page_token" });
});
