import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { testEnvironment } from "@agentmesh/harness";
import { loadWorkloadIdentity } from "@agentmesh/identity";
import { createClient } from "@agentmesh/rpc";
import { Client, credentials } from "@grpc/grpc-js";
import type { Benchmark, Subject } from "../../harness/benchmark.ts";
import { cpuMsOf } from "../../harness/process-figures.ts";
import { quantile } from "../../harness/statistics.ts";
import { echoContract } from "./echo-contract.ts";
import { calls, path, request, requestBytes, warmUp } from "./load.ts";
import { userToken } from "./user-token.ts";

const script = fileURLToPath(new URL("./serve-echo.ts", import.meta.url));

export const rpc: Benchmark = {
  name: "rpc",
  summary: "what a unary call takes, and the CPU of it on both sides: libs/rpc beside bare grpc-js",
  async open() {
    await using stack = new AsyncDisposableStack();
    const environment = stack.use(await testEnvironment("cache", { postgres: false, nats: false, redis: false }));
    const { token, jwks } = userToken();
    const { workloadKeyFile, workloadTrustFile } = environment;
    const mesh = stack.use(await startEcho("agentmesh", workloadKeyFile, workloadTrustFile, JSON.stringify(jwks)));
    const bare = stack.use(await startEcho("bare"));
    const workload = await loadWorkloadIdentity(environment.keyFileOf("agent-runner"), workloadTrustFile);
    const client = stack.use(createClient(echoContract, { address: mesh.address, workload }));
    const grpc = new Client(bare.address, credentials.createInsecure());
    stack.defer(() => grpc.close());
    const what = "tokens, rule, span, deadline and metrics of each call; messages decoded and encoded on both sides";
    const subjects = [
      await subject("agentmesh", what, mesh.pid, () => client.lookup(request, { token })),
      await subject("limit", "grpc-js alone, which passes the same bytes and no metadata", bare.pid, () => pass(grpc)),
    ];
    const opened = stack.move();
    return { subjects, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  },
};

async function subject(name: string, what: string, pid: number, call: () => Promise<unknown>): Promise<Subject> {
  for (let at = 0; at < warmUp; at++) await call();
  return {
    name,
    what,
    async measure() {
      const latencies: number[] = [];
      const [serverMs, own] = [cpuMsOf(pid), process.cpuUsage()];
      for (let at = 0; at < calls; at++) {
        const began = performance.now();
        await call();
        latencies.push((performance.now() - began) * 1000);
      }
      const { user, system } = process.cpuUsage(own);
      return {
        figures: [
          { metric: "unary_p50_us", unit: "us", value: quantile(latencies, 0.5) },
          { metric: "client_cpu_us", unit: "us", value: (user + system) / calls },
          { metric: "server_cpu_us", unit: "us", value: ((cpuMsOf(pid) - serverMs) * 1000) / calls },
        ],
      };
    },
  };
}

function pass(client: Client): Promise<Buffer> {
  const asItIs = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asItIs, asItIs, requestBytes, (error, bytes) =>
      error ? reject(error) : resolve(bytes ?? Buffer.alloc(0)),
    );
  });
}

async function startEcho(...args: string[]): Promise<AsyncDisposable & { pid: number; address: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await readPort(child);
  return {
    pid: child.pid ?? 0,
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function readPort(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error("the echo server has no standard output");
  for await (const line of createInterface({ input: child.stdout })) return Number(line);
  throw new Error("the echo server ended before it listened");
}
