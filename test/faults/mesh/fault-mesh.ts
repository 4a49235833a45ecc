// A whole mesh as processes, real servers, and a proxy wherever something may be struck.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@agentmesh/harness";
import { loadWorkloadIdentity } from "@agentmesh/identity";
import { type MeshOptions, type RunningMesh, startMesh } from "@agentmesh/local";
import { removeMeshData } from "@agentmesh/local/remove-data";
import { authContract } from "@agentmesh/proto/auth.contract";
import type { VerifyAuditReply } from "@agentmesh/proto/compliance";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { type Claim, ClaimStepsReply, CompleteStepsReply, OfferPlacesReply } from "@agentmesh/proto/orchestrator";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { type Client, createClient } from "@agentmesh/rpc";
import pg from "pg";
import { type EffectServer, startEffectServer } from "../effects/effect-server.ts";
import { createHolds, type Holds, type Match } from "../proxy/hold.ts";
import type { Moment, Watch } from "../proxy/moment.ts";
import { type Proxied, startProxies } from "./proxied.ts";

export type FaultMesh = AsyncDisposable & {
  readonly mesh: RunningMesh;
  readonly effects: EffectServer;
  readonly proxied: Proxied;
  /** Each replica by itself. */
  readonly orchestrators: readonly Client<typeof orchestratorContract>[];
  /** As the superuser, past all proxies. */
  readonly sql: pg.Pool;
  /** A fresh token of the administrator. */
  token(): Promise<string>;
  apply(owner: "auth" | "orchestrator" | "runner", kind: string, name: string, spec: object): Promise<void>;
  readonly hold: Holds["hold"];
  /**
   * Kills (or signals) the process at the next moment that matches, and what was on its way is lost.
   *
   * @returns its name
   */
  strike(match: Match, signal?: NodeJS.Signals): Promise<string>;
  /** Waits until every process answers. */
  whole(): Promise<void>;
  /** Reads the administrator's tenant's whole trail. */
  verifyAudit(): Promise<VerifyAuditReply>;
};

export type FaultMeshOptions = {
  /** Default 2. */
  readonly orchestrators?: number;
  /** Default 3. */
  readonly runners?: number;
  /** How long a claim keeps a step; default 3000. A call that nobody answers takes up to 10 s: longer where it must last. */
  readonly leaseMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: MeshOptions["command"];
  /** Runners offer places, so that first steps do not go through the queue; default false with proxies. */
  readonly offers?: boolean;
  /** Without proxies: nothing can be held, and nothing costs more than it does. */
  readonly direct?: boolean;
  /** Where it lives; default a new folder that is removed afterwards. */
  readonly root?: string;
  readonly log?: (line: string) => void;
  /** Ends the start. */
  readonly signal?: AbortSignal;
};

/** Short enough to lose within a test, long enough for a busy machine to keep. */
const shortLeaseMs = 3_000;

/** Well within what an access token lives. */
const signInEveryMs = 120_000;

const faultEnvironment: Readonly<Record<string, string>> = {
  LOG_LEVEL: "warn",
  HTTP_TOOLS_ALLOW_PRIVATE_NETWORKS: "true",
  ORCHESTRATOR_REDISPATCH_AFTER_MS: "2000",
  // A runner that died with a hold must not keep a test waiting for the two minutes of production.
  HOLD_TTL_MS: "10000",
};

export async function openFaultMesh(options: FaultMeshOptions = {}): Promise<FaultMesh> {
  await using stack = new AsyncDisposableStack();
  const { holds, watch, workers } = watching();
  const effects = stack.use(await startEffectServer({ watch, workerOf: (key) => workers.get(key) ?? "" }));
  const root = options.root ?? mkdtempSync(join(tmpdir(), "agentmesh-faults-"));
  stack.defer(() => removeMeshData(root, options.root === undefined ? [] : ["logs"]));
  const proxied = stack.use(startProxies(watch));
  const mesh = stack.use(
    await startMesh({
      root,
      ...(options.log ? { log: options.log } : { quiet: true }),
      replicas: { orchestrator: options.orchestrators ?? 2, "agent-runner": options.runners ?? 3 },
      env: {
        ...faultEnvironment,
        ORCHESTRATOR_LEASE_MS: String(options.leaseMs ?? shortLeaseMs),
        AGENT_RUNNER_OFFERED_SHARE: options.offers || options.direct ? "0.5" : "0",
        ...options.env,
      },
      ...(!options.direct && { environment: proxied.environment }),
      ...(options.command && { command: options.command }),
      ...(options.signal && { signal: options.signal }),
    }),
  );
  const sql = new pg.Pool({ connectionString: inMeshDatabase(mesh), max: 4 });
  sql.on("error", () => undefined);
  stack.defer(() => sql.end());
  const clients = await openClients(mesh, stack);
  const opened = stack.move();
  return {
    mesh,
    effects,
    proxied,
    orchestrators: clients.orchestrators,
    sql,
    token: clients.token,
    apply: clients.apply,
    hold: holds.hold,
    async strike(match, signal = "SIGKILL") {
      using held = holds.hold(match);
      const moment = await held.seen();
      await mesh.kill(moment.process, signal);
      held.drop();
      return moment.process;
    },
    async whole() {
      await Promise.all(mesh.services.map(({ name }) => mesh.waitReady(name)));
    },
    verifyAudit: clients.verifyAudit,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Remembers on the way who was given which key: an effect is asked for with the key alone. */
function watching(): { holds: Holds; watch: Watch; workers: ReadonlyMap<string, string> } {
  const holds = createHolds();
  const workers = new Map<string, string>();
  const watch: Watch = (moment) => {
    for (const { granted, work } of claimsIn(moment)) {
      if (granted && work) workers.set(work.idempotencyKey, moment.process);
    }
    return holds.watch(moment);
  };
  return { holds, watch, workers };
}

/** What a worker is given: asked for, sent because it offered places, or handed over with the answer to a result. */
function claimsIn({ at, name, said }: Moment): readonly Claim[] {
  if (at !== "reply") return [];
  if (name === "ClaimSteps") return ClaimStepsReply.decode(Buffer.concat(said)).claims;
  if (name === "OfferPlaces") return OfferPlacesReply.decode(Buffer.concat(said)).claims;
  return name === "CompleteSteps" ? CompleteStepsReply.decode(Buffer.concat(said)).next : [];
}

async function openClients(mesh: RunningMesh, stack: AsyncDisposableStack) {
  const workload = await loadWorkloadIdentity(mesh.secrets.workloadKeyFile("gateway"), mesh.secrets.workloadTrustFile);
  const client = <C extends Parameters<typeof createClient>[0]>(contract: C, address: string) =>
    stack.use(createClient(contract, { address, workload }));
  const addressesOf = (service: string) => (mesh.addresses[service] ?? "").split(",");
  const [first = ""] = addressesOf("agent-runner");
  const orchestrators = addressesOf("orchestrator").map((address) => client(orchestratorContract, address));
  const auth = client(authContract, addressesOf("auth")[0] ?? "");
  const owners = {
    auth,
    orchestrator: client(orchestratorContract, mesh.addresses.orchestrator ?? ""),
    runner: client(runnerContract, first),
  };
  const { tenant, adminUsername: username, adminPassword: password } = mesh;
  let signedIn = { accessToken: "", atMs: Number.NEGATIVE_INFINITY };
  const token = async () => {
    if (performance.now() - signedIn.atMs > signInEveryMs) {
      const { accessToken } = await auth.signIn({ tenant, username, password });
      signedIn = { accessToken, atMs: performance.now() };
    }
    const credential = { $case: "accessToken", value: signedIn.accessToken } as const;
    return (await auth.exchangeToken({ credential })).token;
  };
  const compliance = client(complianceContract, addressesOf("compliance")[0] ?? "");
  return {
    orchestrators,
    token,
    verifyAudit: async () => compliance.verifyAudit({}, { token: await token() }),
    async apply(owner: keyof typeof owners, kind: string, name: string, spec: object): Promise<void> {
      const fresh = await token();
      // What refers to another resource is accepted once its owner's snapshot has arrived.
      await eventually(() => owners[owner].applyResource({ kind, name, spec }, { token: fresh }), {
        what: `${kind}/${name} to be accepted`,
      });
    },
  };
}

function inMeshDatabase(mesh: RunningMesh): string {
  const url = new URL(mesh.postgresAdminUrl);
  url.pathname = new URL(mesh.postgresUrls.orchestrator ?? "").pathname;
  return url.href;
}
