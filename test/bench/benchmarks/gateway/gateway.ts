import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { nodeFlags, nodeVariables } from "@agentmesh/local/node-settings";
import type { Benchmark, BenchOptions, Subject } from "../../harness/benchmark.ts";
import { cpuMsOf } from "../../harness/process-figures.ts";
import { gatewayPeers } from "../../peers/catalog.ts";
import { folderOf, type InstalledPeer } from "../../peers/install.ts";
import { type Caller, callerOf, latencyOf, rateOf, type Target, warmUp } from "./load.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const READY_WITHIN_MS = 30_000;

type Child = AsyncDisposable & { readonly pid: number; line(): Promise<string> };
type Ports = Readonly<Record<"auth" | "compliance" | "agent-runner" | "upstream", number>>;

export const gateway: Benchmark = {
  name: "gateway",
  summary: "what the governed edge adds to a chat completion, beside a proxy that only passes it on",
  async open(options) {
    await using stack = new AsyncDisposableStack();
    const environment = stack.use(await testEnvironment("gateway", { postgres: false }));
    const callers = stack.use(await testCallers(environment));
    const token = await callers.token({ permissions: ["agent:execute"] });
    const keyFiles = Object.fromEntries(
      ["auth", "compliance", "agent-runner"].map((name) => [name, environment.keyFileOf(name)]),
    );
    const behind = stack.use(
      start(here("./serve-services.ts"), [
        environment.natsUrl,
        environment.workloadTrustFile,
        JSON.stringify(keyFiles),
        token,
      ]),
    );
    const ports: Ports = JSON.parse(await behind.line());
    const upstream = `http://127.0.0.1:${ports.upstream}`;
    const edge = await startEdge(stack, environment, ports, options);
    const proxy = stack.use(start(here("./serve-proxy.ts"), [upstream]));
    const direct = stack.use(callerOf({ origin: upstream, headers: {} }));
    await warmUp(direct);
    const governed =
      "signed in, authorised, inspected both ways, limited in Redis, budgeted and audited, over gRPC behind";
    const proxyTarget = { origin: `http://127.0.0.1:${await proxy.line()}`, headers: {} };
    const subjects = [
      await subject(stack, { name: "agentmesh", what: governed, pid: edge.pid, target: edge.target, direct }),
      await subject(stack, {
        name: "limit",
        what: "node:http and undici that pass the bytes on and look at nothing",
        pid: proxy.pid,
        target: proxyTarget,
        direct,
      }),
    ];
    if (options.peers) {
      for (const peer of await options.installer.install(gatewayPeers)) {
        const { pid, target } = await startPeer(stack, peer, upstream);
        const what = "a gateway of models without a guardrail, a limit or a budget set, over HTTP behind";
        subjects.push(await subject(stack, { name: peer.name, what, pid, target, direct }));
      }
    }
    const opened = stack.move();
    return { subjects, [Symbol.asyncDispose]: () => opened.disposeAsync() };
  },
};

async function startEdge(
  stack: AsyncDisposableStack,
  environment: TestEnvironment,
  ports: Ports,
  { profileDir }: BenchOptions,
): Promise<{ pid: number; target: Target }> {
  const [httpPort, grpcPort, adminPort] = [await freePort(), await freePort(), await freePort()];
  const at = (port: number) => `127.0.0.1:${port}`;
  const profile = profileDir ? ["--cpu-prof", `--cpu-prof-dir=${profileDir}`] : [];
  const { pid } = stack.use(
    start(here("../../../../services/gateway/src/main.ts"), [], [...nodeFlags, ...profile], {
      ...nodeVariables,
      AGENTMESH_ENVIRONMENT: "test",
      LIMITS_PROFILE: "development",
      LISTEN_HOST: "127.0.0.1",
      HTTP_PORT: String(httpPort),
      GRPC_PORT: String(grpcPort),
      ADMIN_PORT: String(adminPort),
      LOG_LEVEL: "error",
      NATS_URL: environment.natsUrl,
      REDIS_URL: environment.redisUrl,
      WORKLOAD_KEY_FILE: environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      AUDIT_SPOOL_DIR: join(environment.dir, "spool"),
      AUTH_ADDRESS: at(ports.auth),
      COMPLIANCE_ADDRESS: at(ports.compliance),
      AGENT_RUNNER_ADDRESS: at(ports["agent-runner"]),
      CACHE_ADDRESS: at(1),
      ORCHESTRATOR_ADDRESS: at(1),
      COST_ADDRESS: at(1),
      ALERTING_ADDRESS: at(1),
    }),
  );
  await ready(`http://${at(adminPort)}/readyz`);
  return { pid, target: { origin: `http://${at(httpPort)}`, headers: { authorization: "Bearer bench" } } };
}

async function startPeer(
  stack: AsyncDisposableStack,
  peer: InstalledPeer,
  upstream: string,
): Promise<{ pid: number; target: Target }> {
  const port = await freePort();
  const script = peer.script(`gateway/${folderOf(peer)}.mjs`);
  const { pid } = stack.use(start(script, [String(port)], [], { NODE_ENV: "production" }));
  const origin = `http://127.0.0.1:${port}`;
  await ready(`${origin}/`);
  const headers = {
    authorization: "Bearer bench",
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `${upstream}/v1`,
  };
  return { pid, target: { origin, headers } };
}

type Measured = { name: string; what: string; pid: number; target: Target; direct: Caller };

async function subject(stack: AsyncDisposableStack, { name, what, pid, target, direct }: Measured): Promise<Subject> {
  const caller = stack.use(callerOf(target));
  await warmUp(caller);
  return {
    name,
    what,
    async measure() {
      const without = await latencyOf(direct);
      const through = await latencyOf(caller);
      const { rps, cpuUs } = await rateOf(caller, () => cpuMsOf(pid));
      return {
        figures: [
          { metric: "rps", unit: "1/s", value: rps },
          { metric: "added_p50_us", unit: "us", value: through.p50 - without.p50 },
          { metric: "added_p99_us", unit: "us", value: through.p99 - without.p99 },
          { metric: "cpu_us", unit: "us", value: cpuUs },
        ],
      };
    },
  };
}

function start(script: string, args: readonly string[], flags: readonly string[] = [], env = {}): Child {
  const child = spawn(process.execPath, [...flags, script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: "/usr/bin:/bin", ...env },
  });
  return {
    pid: child.pid ?? 0,
    line: () => firstLine(child),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout) for await (const line of createInterface({ input: stdout })) return line;
  throw new Error("a process of the benchmark ended before it listened");
}

async function ready(url: string): Promise<void> {
  const untilMs = Date.now() + READY_WITHIN_MS;
  while (Date.now() < untilMs) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} was not ready within ${READY_WITHIN_MS} ms`);
}
