// What a process really holds: V8 is asked, over the inspector's protocol, to collect all garbage and to say what is left.
// The service runs as it is shipped; only while it is asked is it stopped for the collection.
import { readFileSync } from "node:fs";
import { eventually } from "@agentmesh/harness";
import type { RunningMesh } from "@agentmesh/local";

const listening = /Debugger listening on (ws:\/\/\S+)/g;
const withinMs = 20_000;

/** Bytes that are reachable in the JavaScript heap of a service's process, after a full collection. */
export async function readLiveHeap(mesh: RunningMesh, name: string): Promise<number> {
  const url = addressOf(mesh, name) ?? (await open(mesh, name));
  return await ask(url);
}

async function open(mesh: RunningMesh, name: string): Promise<string> {
  await mesh.kill(name, "SIGUSR1");
  return await eventually(() => addressOf(mesh, name), { what: `${name} to open its inspector` });
}

/** The last one in its log: a process that was started anew has opened none yet, and refuses the one before. */
function addressOf(mesh: RunningMesh, name: string): string | undefined {
  return [...readFileSync(mesh.logFileOf(name), "utf8").matchAll(listening)].at(-1)?.[1];
}

async function ask(url: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = new WebSocket(url);
  const timeout = setTimeout(() => reject(new Error(`${url} did not answer within ${withinMs} ms`)), withinMs);
  const send = (id: number, method: string) => socket.send(JSON.stringify({ id, method }));
  socket.addEventListener("open", () => send(1, "HeapProfiler.collectGarbage"));
  socket.addEventListener("error", () => reject(new Error(`${url} cannot be reached`)));
  socket.addEventListener("message", ({ data }) => {
    const reply: { id?: number; result?: { usedSize?: number } } = JSON.parse(String(data));
    if (reply.id === 1) send(2, "Runtime.getHeapUsage");
    if (reply.id === 2) resolve(reply.result?.usedSize ?? Number.NaN);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timeout);
    socket.close();
  }
}
