// The edge as a process of its own, as it is deployed: for what signals do to it and what it takes of memory.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, freePort } from "@agentmesh/harness";
import type { TestEdge } from "./edge.ts";

export type GatewayProcess = AsyncDisposable & {
  readonly port: number;
  readonly httpPort: number;
  readonly adminPort: number;
  readonly child: ChildProcess;
  isReady(): Promise<boolean>;
  /** Of memory that is in use now. */
  residentBytes(): number;
  /** Sends SIGTERM. @returns the exit code */
  terminate(): Promise<number | null>;
};

const MAX_DRAIN_MS = 5_000;

/** Starts one in front of an edge's fleet. */
export async function startGatewayProcess(
  { environment, fleet }: Pick<TestEdge, "environment" | "fleet">,
  more: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const [port, httpPort, adminPort] = [await freePort(), await freePort(), await freePort()];
  const { peers } = fleet;
  const child = spawn(process.execPath, [fileURLToPath(new URL("../src/main.ts", import.meta.url))], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      AGENTMESH_ENVIRONMENT: "test",
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: String(port),
      HTTP_PORT: String(httpPort),
      ADMIN_PORT: String(adminPort),
      LOG_LEVEL: "error",
      LIMITS_PROFILE: "development",
      NATS_URL: environment.natsUrl,
      REDIS_URL: environment.redisUrl,
      WORKLOAD_KEY_FILE: environment.keyFileOf("gateway"),
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      AUDIT_SPOOL_DIR: join(environment.dir, `spool-${port}`),
      AUTH_ADDRESS: peers.auth,
      AGENT_RUNNER_ADDRESS: peers["agent-runner"],
      CACHE_ADDRESS: peers.cache,
      ORCHESTRATOR_ADDRESS: peers.orchestrator,
      COMPLIANCE_ADDRESS: peers.compliance,
      COST_ADDRESS: peers.cost,
      ALERTING_ADDRESS: peers.alerting,
      ...more,
    },
  });
  const exited = once(child, "exit");
  const isReady = async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok;
  await eventually(isReady, { what: "the gateway's process to be ready" });
  return {
    port,
    httpPort,
    adminPort,
    child,
    isReady: () => isReady().catch(() => false),
    residentBytes: () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1024,
    async terminate() {
      child.kill("SIGTERM");
      await exited;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      // Told to go, it gives back what it holds of the limits. What drains for longer is killed.
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), MAX_DRAIN_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
