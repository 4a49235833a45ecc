import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually, freePort } from "@agentmesh/harness";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Client } from "@agentmesh/rpc";
import type { TestMesh } from "./mesh.ts";

/** The service as a process of its own, to be killed, frozen or told to end. */
export type Replica = AsyncDisposable & {
  readonly client: Client<typeof runnerContract>;
  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void;
  readonly exited: Promise<unknown>;
};

export async function startReplica(mesh: TestMesh, upstream: string): Promise<Replica> {
  const [grpc, admin] = [await freePort(), await freePort()];
  const { environment, addresses } = mesh;
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(new URL("../src/main.ts", import.meta.url))], {
    env: {
      AGENTMESH_ENVIRONMENT: "test",
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: String(grpc),
      ADMIN_PORT: String(admin),
      LOG_LEVEL: "error",
      NATS_URL: environment.natsUrl,
      POSTGRES_URL: environment.postgresUrl,
      WORKLOAD_KEY_FILE: environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      AUTH_ADDRESS: addresses.auth,
      CACHE_ADDRESS: addresses.cache,
      COST_ADDRESS: addresses.cost,
      ORCHESTRATOR_ADDRESS: addresses.orchestrator,
      OPENAI_API_KEY: "sk-test",
      OPENAI_BASE_URL: `${upstream}/v1`,
      HTTP_TOOLS_ALLOW_PRIVATE_NETWORKS: "true",
      RUN_LEASE_MS: "1000",
      RUN_SWEEP_MS: "100",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exited = once(child, "exit");
  const isReady = async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
  await eventually(isReady, { what: "the replica to be ready", timeoutMs: 30_000 });
  return {
    client: await mesh.callers.client(runnerContract, grpc),
    signal: (name) => child.kill(name),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
