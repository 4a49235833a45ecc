// How many sign-ins and exchanges one process serves: `node services/auth/test/measure.ts`. The service runs in a
// process of its own; this one is the load.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { eventually, freePort, testEnvironment } from "@agentmesh/harness";
import { loadWorkloadIdentity } from "@agentmesh/identity";
import { authContract } from "@agentmesh/proto/auth.contract";
import { createClient } from "@agentmesh/rpc";
import { adminPassword, adminToken, createUser, signIn } from "./auth-mesh.ts";

const measureMs = 4_000;

await using environment = await testEnvironment("auth", { redis: false });
const [grpcPort, adminPort] = [await freePort(), await freePort()];
const service = spawn(process.execPath, [new URL("../src/main.ts", import.meta.url).pathname], {
  stdio: ["ignore", "inherit", "inherit"],
  env: {
    LISTEN_HOST: "127.0.0.1",
    GRPC_PORT: String(grpcPort),
    ADMIN_PORT: String(adminPort),
    LOG_LEVEL: "warn",
    NATS_URL: environment.natsUrl,
    POSTGRES_URL: environment.postgresUrl,
    WORKLOAD_KEY_FILE: environment.workloadKeyFile,
    WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
    MASTER_KEY_FILE: environment.masterKeyFile,
    BOOTSTRAP_ADMIN_PASSWORD: adminPassword,
  },
});
try {
  await eventually(async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).ok, { what: "auth to be ready" });
  await measureAll();
} finally {
  service.kill("SIGTERM");
  await once(service, "exit");
}

async function measureAll(): Promise<void> {
  const identity = (workload: string) =>
    loadWorkloadIdentity(environment.keyFileOf(workload), environment.workloadTrustFile);
  const address = `127.0.0.1:${grpcPort}`;
  using gateway = createClient(authContract, { address, workload: await identity("gateway") });
  using runner = createClient(authContract, { address, workload: await identity("agent-runner") });
  const token = await adminToken(gateway);
  const user = await createUser(gateway, token, "load", ["operator"]);
  const { secret } = await gateway.createApiKey({ name: "load", username: "load" }, { token });
  const { accessToken } = await signIn(gateway, { username: "load" });
  let { refreshToken } = await signIn(gateway, { username: "load" });

  await measure("sign in", 4, () => signIn(gateway, { username: "load" }));
  await measure("refresh, one family", 1, async () => {
    refreshToken = (await gateway.refreshToken({ refreshToken })).refreshToken;
  });
  const exchange = (credential: Parameters<typeof gateway.exchangeToken>[0]["credential"]) => ({
    by: (client: typeof gateway) => client.exchangeToken({ credential, audience: "mesh", remoteAddress: "10.0.0.1" }),
  });
  const byToken = exchange({ $case: "accessToken", value: accessToken });
  const byKey = exchange({ $case: "apiKey", value: secret });
  const behalf = exchange({ $case: "onBehalfOf", value: { tenant: "acme", subject: user.subject } });
  for (const callers of [1, 32]) {
    await measure(`exchange an access token, ${callers} at once`, callers, () => byToken.by(gateway));
  }
  await measure("exchange an API key, 32 at once", 32, () => byKey.by(gateway));
  await measure("exchange on behalf of, 32 at once", 32, () => behalf.by(runner));
}

async function measure(what: string, callers: number, call: () => Promise<unknown>): Promise<void> {
  const cpuBeforeS = await serviceCpuS();
  const startedAtMs = performance.now();
  const timesMs: number[] = [];
  async function caller(): Promise<void> {
    while (performance.now() - startedAtMs < measureMs) {
      const calledAtMs = performance.now();
      await call();
      timesMs.push(performance.now() - calledAtMs);
    }
  }
  await Promise.all(Array.from({ length: callers }, caller));
  const perS = timesMs.length / ((performance.now() - startedAtMs) / 1000);
  timesMs.sort((a, b) => a - b);
  const at = (share: number) => (timesMs[Math.floor(timesMs.length * share)] ?? 0).toFixed(1);
  const cpuMs = (((await serviceCpuS()) - cpuBeforeS) * 1000) / timesMs.length;
  process.stdout.write(
    `${what}: ${perS.toFixed(0)}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${cpuMs.toFixed(2)} ms of CPU each in auth\n`,
  );
}

async function serviceCpuS(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^process_cpu_seconds_total(?:\{.*\})? (.+)$/m.exec(text)?.[1]);
}
