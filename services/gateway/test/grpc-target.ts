// A gateway's process whose gRPC port is attacked, and the call that is meant well and must pass in between.
import assert from "node:assert/strict";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { status } from "@grpc/grpc-js";
import { startEdge, type TestEdge } from "./edge.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { ask, callHeaders, END_HEADERS, END_STREAM, FRAME, frame, message } from "./http2-wire.ts";

const { runAgent } = runnerContract.methods;
export const path = runAgent.path;
export const valid = Buffer.from(
  runAgent.request.encode(runAgent.request.fromPartial({ agent: "desk", text: "?" })).finish(),
);
export const MB = 1024 * 1024;
/** The longest a family may take to be answered or cut off. */
export const bounded = { timeout: 60_000 };

export const settings = frame(FRAME.settings, 0, 0);

export function call(stream: number, id = "wire"): Buffer {
  return frame(FRAME.headers, END_HEADERS, stream, callHeaders(path, [["x-request-id", id]]));
}

export function data(stream: number, bytes = message(valid)): Buffer {
  return frame(FRAME.data, END_STREAM, stream, bytes);
}

export type Target = AsyncDisposable & {
  readonly edge: TestEdge;
  readonly gateway: GatewayProcess;
  /** The control: a call that is meant well passes, on a connection of its own, and the process is the same. */
  expectWell(): Promise<void>;
  /** Calls that got as far as their owner. */
  reached(): number;
};

export async function openTarget(): Promise<Target> {
  await using stack = new AsyncDisposableStack();
  const edge = stack.use(await startEdge());
  const gateway = stack.use(await startGatewayProcess(edge));
  edge.fleet.on(path, async () => ({ state: "STATE_SUCCEEDED", text: "well" }));
  const opened = stack.move();
  return {
    edge,
    gateway,
    async expectWell() {
      const answer = await ask(gateway.port, { ":path": path }, message(valid));
      assert.deepEqual(answer, { http: 200, grpc: status.OK, reset: 0 });
      assert.equal(gateway.child.exitCode, null);
    },
    reached: () => edge.fleet.calls.filter((one) => one.path === path).length,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
