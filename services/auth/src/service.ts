import { busMigrations, startRelay } from "@agentmesh/bus";
import { createTokenVerifier, type TokenVerifier } from "@agentmesh/identity";
import { openDatabase } from "@agentmesh/postgres";
import { authContract } from "@agentmesh/proto/auth.contract";
import { createBulkhead } from "@agentmesh/resilience";
import { openResources, resourceMigrations } from "@agentmesh/resources";
import { implement, serve } from "@agentmesh/rpc";
import { openFoundation, type Running } from "@agentmesh/service";
import { bootstrap } from "./bootstrap.ts";
import type { AuthConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { deriveKey, loadMasterKey } from "./credentials/master-key.ts";
import { createPasswords } from "./credentials/password.ts";
import { createWebAuthn } from "./credentials/webauthn.ts";
import { createGuardedFetch } from "./federation/guarded-fetch.ts";
import { createLdap } from "./federation/ldap.ts";
import { createOidc } from "./federation/oidc.ts";
import { createReach } from "./federation/private-networks.ts";
import { createSaml } from "./federation/saml.ts";
import { handlers } from "./handlers/index.ts";
import { kinds, onChange } from "./kinds.ts";
import { createAuthMetrics } from "./metrics.ts";
import { accessAudience } from "./sign-token.ts";
import { awaitSnapshots } from "./state/await-snapshots.ts";
import { rememberAccounts } from "./state/find-account.ts";
import { type KeyRing, openKeyRing } from "./state/key-ring.ts";
import { startMaintenance } from "./state/maintenance.ts";
import { pruneSignIns } from "./state/prune-sign-ins.ts";
import { rememberApiKeys } from "./state/remember-api-keys.ts";
import { openRevocations, type Revocations } from "./state/revocations.ts";
import { openRoleBook } from "./state/role-book.ts";

export async function startAuth(config: AuthConfig, overrides: Partial<Context> = {}): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const masterKey = loadMasterKey(config.masterKeyFile);
  const base = stack.use(await openFoundation(config, "auth"));
  const { bus, log } = base;
  const db = stack.use(
    await openDatabase({
      url: config.postgres.url,
      schema: "auth",
      migrations: [
        busMigrations,
        resourceMigrations,
        { name: "auth", folder: new URL("../migrations/", import.meta.url) },
      ],
      log,
      maxConnections: config.postgres.maxConnections,
    }),
  );
  stack.use(startRelay(bus, db));
  const keys = stack.use(await openKeyRing({ db, bus, masterKey, policy: keyPolicy(config) }));
  const tokenTtlMs = Math.max(config.tokens.accessTtlS, config.tokens.internalTtlS) * 1000;
  const revocations = stack.use(await openRevocations(bus, db, tokenTtlMs));
  const accounts = rememberAccounts(db);
  const passwords = createPasswords(config.passwords);
  const resources = stack.use(
    await openResources({ service: "auth", db, bus, kinds, onChange: onChange({ revocations, accounts }) }),
  );
  await bootstrap({ db, resources, passwords, log }, config.bootstrap);
  const roles = stack.use(openRoleBook(bus, log));
  const reach = createReach(config.federation.privateHosts);
  const fetch = stack.use(createGuardedFetch(reach));
  const context: Context = {
    config,
    log,
    metrics: createAuthMetrics(base.metrics),
    db,
    passwords,
    refreshKey: deriveKey(masterKey, "refresh-token"),
    secondFactorKey: deriveKey(masterKey, "second-factor"),
    webAuthn: createWebAuthn(config.securityKeys),
    oidc: createOidc({ fetch, reach, key: deriveKey(masterKey, "federated-sign-in") }),
    ldap: createLdap(reach),
    saml: createSaml(deriveKey(masterKey, "saml-request")),
    directorySignIns: createBulkhead({ name: "directory sign-ins", ...config.federation.directories }),
    keys,
    roles,
    revocations,
    accounts,
    apiKeys: rememberApiKeys(db),
    exchangeable: exchangeableTokens(keys, revocations),
    ...overrides,
  };
  stack.use(
    startMaintenance(
      [
        { name: "publish revocations", everyMs: 1_000, run: () => revocations.publish() },
        { name: "maintain signing keys", everyMs: 1_000, run: (nowMs) => keys.maintain(nowMs) },
        { name: "prune revocations", everyMs: 30_000, run: (nowMs) => revocations.prune(nowMs) },
        { name: "clear marks of revocations", everyMs: 300_000, run: (nowMs) => revocations.clearMarks(nowMs) },
        { name: "prune sign-ins", everyMs: 60_000, run: (nowMs) => pruneSignIns(db, config, nowMs) },
      ],
      log,
    ),
  );
  await awaitSnapshots({ keys, roles, tokens: base.tokens }, config.bootstrap.tenant);
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(authContract, handlers(context, resources))],
      trust: { workload: base.workload, tokens: base.tokens },
      log,
      metrics: base.metrics,
    }),
  );
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function keyPolicy({ signingKeys }: AuthConfig) {
  return {
    rotateAfterMs: signingKeys.rotateAfterS * 1000,
    activateAfterMs: signingKeys.activateAfterS * 1000,
    keepAfterMs: signingKeys.keepAfterS * 1000,
  };
}

/** The gateway exchanges what callers hold; a service exchanges what it was sent, to add an actor. */
function exchangeableTokens(keys: KeyRing, revocations: Revocations): (workload: string) => TokenVerifier {
  const verifier = (audiences: string[]) =>
    createTokenVerifier({ jwks: () => keys.jwks, audiences, isRevoked: revocations.isRevoked });
  const byWorkload = new Map([
    ["gateway", verifier([accessAudience])],
    ["orchestrator", verifier(["orchestrator", "mesh"])],
    ["agent-runner", verifier(["agent-runner", "mesh"])],
  ]);
  const none = verifier([]);
  return (workload) => byWorkload.get(workload) ?? none;
}
