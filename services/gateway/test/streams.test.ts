// Many streams at once, readers that are slow, and readers that leave.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type ClientHttp2Stream, connect } from "node:http2";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { createClient, openChannel } from "@agentmesh/rpc";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";
import { startGatewayProcess } from "./gateway-process.ts";

let edge: TestEdge;
const { streamAgent } = runnerContract.methods;
const { watchRun } = orchestratorContract.methods;

before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

const STREAMS_EACH = 64;
const FRAMES = 40;
const PACE_MS = 25;
const MB = 1024 * 1024;

type Told = { readonly seq: number; readonly text: string };

/** Frames of a stream of Server-Sent Events, by what their data say. */
function framesOf(sse: string): Told[] {
  return sse.split("\n\n").flatMap((part) => {
    const data = /^data: (.*)$/m.exec(part)?.[1];
    if (data === undefined) return [];
    const { seq, type, textDelta = type } = JSON.parse(data);
    assert.equal(Number(/^id: (\d+)$/m.exec(part)?.[1]), seq);
    return [{ seq, text: textDelta ?? "" }];
  });
}

test("256 paced streams at once, over SSE and gRPC, lose, repeat and reorder no frame", async () => {
  await using gateway = await startGatewayProcess(edge);
  using channel = openChannel({ address: `127.0.0.1:${gateway.port}` });
  const all = Promise.withResolvers<void>();
  let open = 0;
  // They speak when all of them are open.
  const paced = async function* <T>(make: (seq: number) => T) {
    if (++open === 4 * STREAMS_EACH) all.resolve();
    await all.promise;
    for (let seq = 1; seq <= FRAMES; seq++) {
      yield make(seq);
      await delay(PACE_MS);
    }
  };
  edge.fleet.on(watchRun.path, ({ id }: { id: string }) =>
    paced((seq) => ({ runId: id, seq, type: `step.${id}.${seq}` })),
  );
  edge.fleet.on(streamAgent.path, ({ agent }: { agent: string }) =>
    paced((seq) => ({ runId: agent, seq, event: { $case: "textDelta", value: `<${agent} ${seq}>` } })),
  );
  const orchestrator = createClient(orchestratorContract, { address: channel });
  const runner = createClient(runnerContract, { address: channel });
  const url = `http://127.0.0.1:${gateway.httpPort}/v1`;
  const json = asAdmin({ "content-type": "application/json" });
  const read = async (path: string, init: RequestInit) => framesOf(await (await fetch(url + path, init)).text());
  const watched = (id: string) =>
    Array.from({ length: FRAMES }, (_, at) => ({ seq: at + 1, text: `step.${id}.${at + 1}` }));
  const said = (agent: string) => Array.from({ length: FRAMES }, (_, at) => `<${agent} ${at + 1}>`).join("");

  await Promise.all(
    Array.from({ length: STREAMS_EACH }, async (_, at) => {
      const [sseRun, grpcRun, sseAgent, grpcAgent] = [`h${at}`, `g${at}`, `ah${at}`, `ag${at}`];
      const [overSse, overGrpc, textOverSse, textOverGrpc] = await Promise.all([
        read(`/runs/${sseRun}:watch`, { headers: asAdmin() }),
        Array.fromAsync(orchestrator.watchRun({ id: grpcRun }, { token: "admin" })),
        read(`/agents/${sseAgent}:stream`, { method: "POST", headers: json, body: '{"text":"?"}' }),
        Array.fromAsync(runner.streamAgent({ agent: grpcAgent, text: "?" }, { token: "admin" })),
      ]);
      assert.deepEqual(overSse, watched(sseRun));
      assert.deepEqual(
        overGrpc.map(({ seq, type }) => ({ seq, text: type })),
        watched(grpcRun),
      );
      assertText(textOverSse, said(sseAgent));
      const told = textOverGrpc.map(({ seq, event }) => ({
        seq,
        text: event?.$case === "textDelta" ? event.value : "",
      }));
      assertText(told, said(grpcAgent));
    }),
  );
});

/** Pieces of an inspected text may be joined: whole, in order, each told once, the number of the last with it. */
function assertText(frames: readonly Told[], whole: string): void {
  assert.equal(frames.map(({ text }) => text).join(""), whole);
  const numbers = frames.map(({ seq }) => seq);
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].toSorted((a, b) => a - b),
  );
  assert.equal(numbers.at(-1), FRAMES);
}

const BIG_FRAMES = 1_024;
const FRAME_BYTES = 64 * 1024;

/** What the owner was made to say by a reader who takes nothing, once it says no more. */
async function settled(count: () => number): Promise<number> {
  let last = -1;
  let sinceMs = performance.now();
  return eventually(
    () => {
      if (count() !== last) {
        last = count();
        sinceMs = performance.now();
      }
      return performance.now() - sinceMs > 500 && last > 0 && last;
    },
    { what: "the owner to be held up" },
  );
}

test("a reader who does not read holds the owner up and not the gateway's memory, and then misses nothing", async () => {
  await using gateway = await startGatewayProcess(edge);
  const said = { http: 0, grpc: 0 };
  edge.fleet.on(watchRun.path, async function* ({ id }: { id: "http" | "grpc" }) {
    for (let seq = 1; seq <= BIG_FRAMES; seq++) {
      said[id] += 1;
      yield { runId: id, seq, type: "step.done", data: { text: "x".repeat(FRAME_BYTES) } };
    }
  } as never);
  const idle = gateway.residentBytes();
  const http = await openSse(gateway.httpPort, "/v1/runs/http:watch");
  http.pause();
  const overSse = await settled(() => said.http);
  using session = http2Session(gateway.port);
  const call = session.request(
    watchRun.path,
    watchRun.request.encode(watchRun.request.fromPartial({ id: "grpc" })).finish(),
  );
  const overGrpc = await settled(() => said.grpc);
  for (const held of [overSse, overGrpc]) assert.ok(held * FRAME_BYTES < 24 * MB, `${held} of ${BIG_FRAMES} frames`);
  assert.ok(gateway.residentBytes() - idle < 96 * MB, `${(gateway.residentBytes() - idle) / MB} MB more`);

  let sse = "";
  for await (const chunk of http) sse += chunk;
  assert.deepEqual(
    framesOf(sse).map(({ seq }) => seq),
    oneTo(BIG_FRAMES),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of call) chunks.push(chunk);
  assert.deepEqual(
    messagesOf(Buffer.concat(chunks)).map((bytes) => watchRun.response.decode(bytes).seq),
    oneTo(BIG_FRAMES),
  );
});

function openSse(port: number, path: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request({ port, host: "127.0.0.1", path, headers: asAdmin() }, resolve).once("error", reject).end();
  return promise;
}

function oneTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

/** A gRPC client that reads when it is told to; grpc-js's own takes in what comes. */
function http2Session(port: number) {
  const session = connect(`http://127.0.0.1:${port}`);
  return {
    request(path: string, message: Uint8Array): ClientHttp2Stream {
      const headers = { "content-type": "application/grpc", te: "trailers", authorization: "Bearer admin" };
      const stream = session.request({ ":method": "POST", ":path": path, ...headers });
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([prefix, message]));
      return stream;
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}

function messagesOf(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

test("a long stream that waits for its reader again and again leaves nothing behind with each wait", async () => {
  edge.fleet.on(watchRun.path, async function* () {
    for (let seq = 1; seq <= 300; seq++) yield { runId: "l", seq, type: "s", data: { text: "x".repeat(FRAME_BYTES) } };
  } as never);
  edge.exchanges.length = 0;
  const orchestrator = createClient(orchestratorContract, { address: edge.channel });
  let most = 0;
  const look = (signal: AbortSignal | undefined) => {
    if (signal) most = Math.max(most, getEventListeners(signal, "abort").length);
  };
  await (await fetch(`http://127.0.0.1:${edge.gateway.httpPort}/v1/runs/l:watch`, { headers: asAdmin() })).text();
  look(edge.exchanges[0]?.signal);
  for await (const _ of orchestrator.watchRun({ id: "l" }, { token: "admin" }));
  await eventually(() => edge.exchanges.length === 2, { what: "both streams to end" });
  look(edge.exchanges[1]?.signal);
  assert.ok(most < 10, `${most} listeners`);
});
