// What each stage relies on is killed, frozen or made to answer nonsense, and every surface is asked: where it is about
// security nothing leaves, where it is about convenience the edge goes on as it is written down.
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { publishSnapshots } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import { eventually, freePort } from "@agentmesh/harness";
import { authContract } from "@agentmesh/proto/auth.contract";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { RunningGateway } from "../src/service.ts";
import { surfaces } from "./callers-of-run.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
const { runAgent, streamAgent } = runnerContract.methods;
const { exchangeToken } = authContract.methods;
const { appendAudit } = complianceContract.methods;
const CARD = "4111 1111 1111 1111";
const ANSWER = "the answer that only who may shall see";
const ended = { id: "r", agent: "desk", state: "STATE_SUCCEEDED", text: `${ANSWER} ${CARD}`, model: "m" };

before(async () => {
  edge = await startEdge();
  edge.fleet.on(runAgent.path, async () => ended);
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r", seq: 1, event: { $case: "started", value: { ...ended, state: "STATE_RUNNING", text: "" } } };
    yield { runId: "r", seq: 2, event: { $case: "textDelta", value: ended.text } };
    yield { runId: "r", seq: 3, event: { $case: "ended", value: ended } };
  } as never);
});
after(() => edge[Symbol.asyncDispose]());
beforeEach(() => {
  edge.fleet.calls.length = 0;
});

function reached(): number {
  return edge.fleet.calls.filter(({ path }) => path === runAgent.path || path === streamAgent.path).length;
}

type At = Pick<RunningGateway, "port" | "httpPort">;

/** @returns what each surface said */
async function askAll(at: At, token = "admin"): Promise<Map<string, { ok: boolean; text: string }>> {
  const answers = Object.entries(surfaces).map(
    async ([name, ask]): Promise<[string, { ok: boolean; text: string }]> => [
      name,
      await ask(at, token, `mine is ${CARD}`),
    ],
  );
  return new Map(await Promise.all(answers));
}

/** Everything is governed: answered to whoever may, with nothing in it that the policy holds back. */
async function assertServed(at: At, token?: string): Promise<void> {
  for (const [name, { ok, text }] of await askAll(at, token)) {
    assert.ok(ok, `${name}: ${text}`);
    assert.ok(text.includes(ANSWER), `${name}: ${text}`);
    assert.ok(!text.includes("4111 1111"), name);
  }
  assert.ok(
    !JSON.stringify(
      edge.fleet.calls.map(({ request }) => request),
      plain,
    ).includes("4111 1111"),
  );
}

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

type Refusal = { readonly says: RegExp; readonly token?: string; readonly mayReach?: boolean };

// Where the mesh lives is nobody's business.
const INSIDE = /ECONNREFUSED|127\.0\.0\.1|instances|\/tmp\/|writeable|calls failed/;

async function assertRefused(at: At, { says, token, mayReach = false }: Refusal): Promise<void> {
  edge.fleet.calls.length = 0;
  for (const [name, { ok, text }] of await askAll(at, token)) {
    assert.ok(!ok, `${name}: ${text}`);
    assert.ok(!text.includes(ANSWER) && !text.includes("4111"), `${name} let it out: ${text}`);
    assert.match(text, says, name);
    assert.doesNotMatch(text, INSIDE, name);
  }
  if (!mayReach) assert.equal(reached(), 0, "a call reached its owner");
}

test("with everything up every surface answers, inspected on both ways", () => assertServed(edge.gateway));

test("auth killed: strangers are refused, who is known goes on", async () => {
  await edge.fleet.stop("auth");
  try {
    await assertRefused(edge.gateway, { token: "stranger-1", says: /unavailable/i });
    await assertServed(edge.gateway);
  } finally {
    await edge.fleet.start("auth");
  }
});

test("auth frozen, or answering nonsense: nobody new gets in", async () => {
  const genuine = async ({ credential }: { credential: { value: string } }) => {
    const user = edge.fleet.credentials.get(credential.value);
    if (!user) throw new AppError("UNAUTHENTICATED", "the token is not known", { reason: "BAD_TOKEN" });
    return { token: await edge.callers.token(user), expiresAt: new Date(Date.now() + 300_000) };
  };
  const isBack = async () => !/UNAVAILABLE/.test((await surfaces.HTTP?.(edge.gateway, "stranger", "?"))?.text ?? "");
  await eventually(isBack, { what: "auth to be back" });
  try {
    edge.fleet.on(exchangeToken.path, () => new Promise(() => undefined));
    await assertRefused(edge.gateway, { token: "stranger-2", says: /DEADLINE|deadline|took longer/i });
    for (const [at, token] of ["", "x", "a.b.c", `${await edge.callers.token({ audience: "elsewhere" })}`].entries()) {
      edge.fleet.on(exchangeToken.path, async () => ({ token }));
      await assertRefused(edge.gateway, { token: `stranger-3-${at}`, says: /./ });
    }
    edge.fleet.on(exchangeToken.path, async () => ({ token: await edge.callers.token({ ttlS: -10 }) }));
    await assertRefused(edge.gateway, { token: "stranger-4", says: /./ });
  } finally {
    edge.fleet.on(exchangeToken.path, genuine as never);
  }
  edge.fleet.credentials.set("friend", { permissions: ["agent:execute"] });
  await assertServed(edge.gateway, "friend");
});

test("compliance killed, frozen or answering nonsense: entries go to the disk, and replies leave", async () => {
  const audited = async ({ entries }: { entries: never[] }) => {
    edge.fleet.audited.push(...entries);
    return { appended: entries.length };
  };
  for (const wrong of [
    () => new Promise(() => undefined),
    () => Promise.reject(new AppError("UNAVAILABLE", "broken", { reason: "BROKEN" })),
    () => Promise.reject(new AppError("PERMISSION_DENIED", "who are you")),
  ]) {
    edge.fleet.on(appendAudit.path, wrong);
    await assertServed(edge.gateway);
  }
  edge.fleet.on(appendAudit.path, audited as never);
  await edge.fleet.stop("compliance");
  edge.fleet.audited.length = 0;
  await assertServed(edge.gateway);
  await edge.fleet.start("compliance");
  const runs = () =>
    new Set(edge.fleet.audited.filter(({ action }) => action === runAgent.path).map(({ requestId }) => requestId));
  await eventually(() => runs().size >= 6, { what: "what was spooled to arrive" });
});

test("neither compliance nor the disk takes entries: nothing leaves; with either back everything does", async () => {
  const spoolDir = join(edge.environment.dir, "taken");
  await using gateway = await edge.another({ audit: { spoolDir } });
  await edge.fleet.stop("compliance");
  await rm(spoolDir, { recursive: true });
  await writeFile(spoolDir, "not a folder");
  try {
    await assertRefused(gateway, { says: /AUDIT_UNAVAILABLE|audit is not possible/i, mayReach: true });
    await rm(spoolDir);
    await mkdir(spoolDir);
    await assertServed(gateway);
  } finally {
    await edge.fleet.start("compliance");
  }
});

test("no policy to inspect by: nothing leaves", async () => {
  const stale = {
    policyOf: () => {
      throw new AppError("UNAVAILABLE", "compliance was not heard", { reason: "SNAPSHOT_STALE" });
    },
    loaded: Promise.resolve(),
    [Symbol.asyncDispose]: async () => undefined,
  };
  await using gateway = await edge.another({}, { policies: stale });
  await assertRefused(gateway, { says: /SNAPSHOT_STALE|was not heard/i });
});

test("Redis killed or frozen: a replica spends its lease, and without one refuses; it is whole again by itself", async () => {
  const { redis } = edge.environment;
  edge.fleet.credentials.set("unleased", { permissions: ["agent:execute"], tenant: "other", subject: "user:new" });
  await assertServed(edge.gateway);
  const pid = redis.pid();
  process.kill(pid, "SIGSTOP");
  try {
    await assertServed(edge.gateway);
    await assertRefused(edge.gateway, { token: "unleased", says: /LIMITER_UNAVAILABLE|cannot be counted/i });
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await redis.stop();
  await assertServed(edge.gateway);
  await assertRefused(edge.gateway, { token: "unleased", says: /LIMITER_UNAVAILABLE|cannot be counted/i });
  edge.fleet.calls.length = 0;
  const headers = asAdmin({ "content-type": "application/json", "idempotency-key": "k" });
  const keyed = await edge.http("/v1/agents/desk:run", { method: "POST", headers, body: '{"text":"?"}' });
  assert.equal(keyed.status, 503);
  assert.match(keyed.text, /IDEMPOTENCY_UNAVAILABLE/);
  assert.equal(reached(), 0);
  await redis.restart();
  const ask = () => surfaces.HTTP?.(edge.gateway, "unleased", "?");
  await eventually(async () => (await ask())?.ok, { what: "Redis to be back" });
  await assertServed(edge.gateway, "unleased");
});

test("a Redis that answers nonsense counts nothing: refused", async () => {
  const nonsense = createServer((socket) => {
    socket.on("data", () => socket.write("+PONG\r\n:oops\r\n$3\r\n")).on("error", () => undefined);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => nonsense.listen(port, "127.0.0.1", resolve));
  try {
    await using gateway = await edge.another({ redis: { url: `redis://127.0.0.1:${port}` } });
    await assertRefused(gateway, { says: /LIMITER_UNAVAILABLE|cannot be counted/i });
  } finally {
    nonsense.close();
  }
});

test("NATS frozen: the edge goes on by the snapshots it has, and what it would tell of is dropped", async () => {
  const pid = edge.environment.nats.pid();
  process.kill(pid, "SIGSTOP");
  try {
    await assertServed(edge.gateway);
    await assertRefused(edge.gateway, { token: "stranger-5", says: /./ });
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("a hard budget that is spent turns model work away; when nobody tells of budgets, the owner holds the money", async () => {
  const value = { name: "all", scope: "total", state: "exhausted", hard: true };
  await using published = await publishSnapshots(edge.fleet.bus, "budget_states", async () => [
    { key: "acme.all", version: 1, value },
  ]);
  const ask = () => surfaces.HTTP?.(edge.gateway, "admin", "?");
  await eventually(async () => !(await ask())?.ok, { what: "the budget to be known" });
  await assertRefused(edge.gateway, { says: /BUDGET_EXHAUSTED|budget all is spent/i });
  await published[Symbol.asyncDispose]();
  await using _again = await publishSnapshots(edge.fleet.bus, "budget_states", async () => [
    { key: "acme.all", version: 2, value: { ...value, state: "ok" } },
  ]);
  await eventually(async () => (await ask())?.ok, { what: "the budget to be raised" });
  await assertServed(edge.gateway);
});

test("an owner killed, or whose port speaks something else, is a refusal with a code", async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  await using without = await edge.another({ peers: { ...edge.fleet.peers, "agent-runner": nobody } });
  await assertRefused(without, { says: /unavailable/i });
  const strange = createServer((socket) => socket.on("error", () => undefined).end("SSH-2.0-OpenSSH\r\n"));
  const port = await freePort();
  await new Promise<void>((resolve) => strange.listen(port, "127.0.0.1", resolve));
  try {
    await using gateway = await edge.another({ peers: { ...edge.fleet.peers, "agent-runner": `127.0.0.1:${port}` } });
    await assertRefused(gateway, { says: /UNAVAILABLE|unavailable|INTERNAL|internal|connection/i });
  } finally {
    strange.close();
  }
});

test("an owner whose replies are no messages of the contract: what cannot be inspected does not leave, and it is not the caller's fault", async () => {
  const asItIs = (bytes: Buffer) => bytes;
  const nonsense = Buffer.concat([Buffer.from([0x0a, 0xff, 0xff, 0x7f]), Buffer.from(`${ANSWER} ${CARD}`)]);
  const server = new Server();
  const codecs = {
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
  server.addService(
    {
      run: { path: runAgent.path, requestStream: false, responseStream: false, ...codecs },
      stream: { path: streamAgent.path, requestStream: false, responseStream: true, ...codecs },
    },
    {
      run: (_: unknown, answer: (error: null, bytes: Buffer) => void) => answer(null, nonsense),
      stream(call: { write(bytes: Buffer): void; end(): void }) {
        call.write(nonsense);
        call.end();
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  try {
    await using gateway = await edge.another({ peers: { ...edge.fleet.peers, "agent-runner": `127.0.0.1:${port}` } });
    await assertRefused(gateway, { says: /INTERNAL|internal/ });
  } finally {
    server.forceShutdown();
  }
});
