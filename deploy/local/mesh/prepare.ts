// Before anything starts: no second mesh on the same data, and ports.
import { join } from "node:path";
import { openPortBlock, type PortBlock } from "../processes/ports.ts";
import { isRunning, readRun, removeRun, stopLeftovers } from "../processes/run-file.ts";

/** How long a service may take to finish what it has. */
export const drainWithinMs = 15_000;

/** Environment variables with which a user fixes a port. */
const portVariables: Readonly<Record<string, string>> = {
  "gateway.http": "GATEWAY_HTTP_PORT",
  "gateway.grpc": "GATEWAY_GRPC_PORT",
  postgres: "POSTGRES_PORT",
  nats: "NATS_PORT",
  redis: "REDIS_PORT",
};

/** A mesh of the same root must not run; what a killed one left is ended first, because it holds data and ports. */
export async function clearLeftovers(root: string, log: (line: string) => void): Promise<void> {
  const record = readRun(root);
  if (!record) return;
  if (isRunning(record)) {
    throw new Error(`the mesh already runs (process ${record.runner.pid}, ${record.httpUrl}): \`npm stop\` ends it`);
  }
  const left = await stopLeftovers(record, drainWithinMs);
  if (left.length > 0) log(`stopped what a killed runner left behind: ${left.join(", ")}`);
  removeRun(root);
}

/** The block of ports of this root, and in it what the user fixed. */
export async function openPorts(root: string, env: Readonly<Record<string, string | undefined>>): Promise<PortBlock> {
  const fixed = new Map<string, { port: number; variable: string }>();
  for (const [name, variable] of Object.entries(portVariables)) {
    if (env[variable]) fixed.set(name, { port: parsePort(env[variable], variable), variable });
  }
  const base = env.AGENTMESH_BASE_PORT;
  const firstBase = base ? { firstBase: parsePort(base, "AGENTMESH_BASE_PORT") } : {};
  return await openPortBlock({ stateFile: join(root, "state.json"), fixed, ...firstBase });
}

function parsePort(text: string, variable: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new Error(`${variable} is ${JSON.stringify(text)}: expected a port from 1 to 65535`);
}
