// A mesh of the benchmarks' own: fresh data, the real servers and all eight services as processes, and the one workflow
// that is measured.
import { join } from "node:path";
import { eventually } from "@agentmesh/harness";
import { loadWorkloadIdentity } from "@agentmesh/identity";
import { type RunningMesh, startMesh } from "@agentmesh/local";
import { removeMeshData } from "@agentmesh/local/remove-data";
import { authContract } from "@agentmesh/proto/auth.contract";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { type Client, createClient } from "@agentmesh/rpc";
import pg from "pg";
import { benchRoot } from "./bench-root.ts";
import { type BenchResource, benchResources } from "./resources.ts";
import { serverVersions } from "./server-versions.ts";

export type BenchMesh = AsyncDisposable & {
  readonly mesh: RunningMesh;
  readonly orchestrator: Client<typeof orchestratorContract>;
  readonly runner: Client<typeof runnerContract>;
  readonly cache: Client<typeof cacheContract>;
  /** As the superuser in the mesh's database. */
  readonly sql: pg.Pool;
  /** A token for the orchestrator that lives for minutes: take a new one for each repeat. */
  token(): Promise<string>;
  readonly versions: Readonly<Record<string, string>>;
};

export type BenchMeshOptions = {
  /** Folder under .agentmesh/bench; its former data is removed. */
  readonly name: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** Of all services, beside the log's level. */
  readonly env?: Readonly<Record<string, string>>;
  /** Beside those of all benchmarks. */
  readonly resources?: readonly BenchResource[];
  /** Processes by service, default 1 each. */
  readonly replicas?: Readonly<Record<string, number>>;
  /** Where the services leave CPU profiles when they stop; default none. */
  readonly profileDir?: string | undefined;
};

const profiled: ReadonlySet<string> = new Set(["orchestrator", "agent-runner"]);

export async function openBenchMesh(options: BenchMeshOptions): Promise<BenchMesh> {
  const { log, profileDir, signal } = options;
  const root = join(benchRoot, options.name);
  await removeMeshData(root);
  await using stack = new AsyncDisposableStack();
  // Gigabytes after `--stored`; the logs may be wanted.
  stack.defer(() => removeMeshData(root, ["logs"]));
  log(`starting a mesh in ${root}`);
  const mesh = stack.use(
    await startMesh({
      root,
      log,
      signal,
      ...(options.replicas && { replicas: options.replicas }),
      env: { LOG_LEVEL: "warn", ...options.env },
      ...(profileDir !== undefined && { command: (service) => profiledCommand(service, profileDir) }),
    }),
  );
  const workload = await loadWorkloadIdentity(mesh.secrets.workloadKeyFile("gateway"), mesh.secrets.workloadTrustFile);
  const client = <C extends Parameters<typeof createClient>[0]>(contract: C, service: string) =>
    stack.use(createClient(contract, { address: mesh.addresses[service] ?? "", workload }));
  const auth = client(authContract, "auth");
  const orchestrator = client(orchestratorContract, "orchestrator");
  const runner = client(runnerContract, "agent-runner");
  const cache = client(cacheContract, "cache");
  const { accessToken } = await auth.signIn({
    tenant: mesh.tenant,
    username: mesh.adminUsername,
    password: mesh.adminPassword,
  });
  const token = async () =>
    (await auth.exchangeToken({ credential: { $case: "accessToken", value: accessToken } })).token;
  await applyResources(
    { auth, orchestrator, runner },
    [...benchResources, ...(options.resources ?? [])],
    await token(),
  );
  const sql = new pg.Pool({ connectionString: inMeshDatabase(mesh), max: 4 });
  stack.defer(() => sql.end());
  const versions = await serverVersions(mesh, sql);
  const opened = stack.move();
  return {
    mesh,
    orchestrator,
    runner,
    cache,
    sql,
    token,
    versions,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function profiledCommand(service: string, profileDir: string): string[] {
  const flags = profiled.has(service) ? ["--cpu-prof", `--cpu-prof-dir=${join(profileDir, service)}`] : [];
  return [process.execPath, ...flags, join("services", service, "src", "main.ts")];
}

type Clients = {
  readonly auth: Client<typeof authContract>;
  readonly orchestrator: Client<typeof orchestratorContract>;
  readonly runner: Client<typeof runnerContract>;
};

async function applyResources(clients: Clients, resources: readonly BenchResource[], token: string): Promise<void> {
  for (const { kind, name, owner, spec } of resources) {
    // What refers to another resource is accepted once the owner's snapshot has arrived.
    await eventually(() => clients[owner].applyResource({ kind, name, spec }, { token }), { what: `${kind}/${name}` });
  }
}

function inMeshDatabase(mesh: RunningMesh): string {
  const url = new URL(mesh.postgresAdminUrl);
  url.pathname = new URL(mesh.postgresUrls.orchestrator ?? "").pathname;
  return url.href;
}
