import { setTimeout as wait } from "node:timers/promises";
import { type Bus, connectBus, type Snapshot, subjectToken, watchSnapshot } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import {
  createTokenVerifier,
  loadWorkloadIdentity,
  type Principal,
  type TokenVerifier,
  type WorkloadIdentity,
} from "@agentmesh/identity";
import { createLogger, createMetrics, type Logger, type Metrics } from "@agentmesh/telemetry";
import { type AdminServer, openAdminServer } from "./admin-server.ts";
import type { MeshConfig } from "./settings.ts";
import { version } from "./version.ts";

/** What every service stands on, opened in one order and closed in the reverse. */
export type Foundation = AsyncDisposable & {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly bus: Bus;
  readonly workload: WorkloadIdentity;
  /** Verifies internal tokens for this service from the public keys in the snapshot. */
  readonly tokens: TokenVerifier;
  readonly admin: AdminServer;
};

type Jwks = { keys: { kty: string; kid: string; alg: string }[] };

// Tokens live minutes and keys weeks; beyond this an owner that fell silent may have revoked something unseen.
const MAX_STALE_MS = 15 * 60_000;
const HEAR_WITHIN_MS = 5_000;

/**
 * Opens log, metrics, NATS, identity and the admin port of a service.
 *
 * @param service its name
 * @throws AppError FAILED_PRECONDITION (WRONG_KEY) when the workload key is another service's
 */
export async function openFoundation(config: MeshConfig, service: string): Promise<Foundation> {
  await using stack = new AsyncDisposableStack();
  const log = createLogger({ service, environment: config.environment, version, level: config.log.level });
  const metrics = createMetrics({ service });
  const admin = stack.use(await openAdminServer({ host: config.listen.host, port: config.listen.adminPort, metrics }));
  const workload = await loadWorkloadIdentity(config.workload.keyFile, config.workload.trustFile);
  if (workload.name !== service) {
    throw new AppError(
      "FAILED_PRECONDITION",
      `${service} was given the key of ${workload.name}; check WORKLOAD_KEY_FILE (${config.workload.keyFile})`,
      { reason: "WRONG_KEY" },
    );
  }
  const bus = stack.use(await connectBus({ url: config.nats.url, service, log, metrics }));
  const jwks = stack.use(
    watchSnapshot<Jwks>(bus, { topic: "jwks", parse: (value) => value as Jwks, maxStaleMs: MAX_STALE_MS }),
  );
  const revocations = stack.use(
    watchSnapshot<object>(bus, { topic: "revocations", parse: (value) => value as object, maxStaleMs: MAX_STALE_MS }),
  );
  // Whoever is ready can judge a token; without auth it can never be, and refuses everybody until auth is heard.
  await Promise.race([Promise.all([jwks.loaded, revocations.loaded]), wait(HEAR_WITHIN_MS, undefined, { ref: false })]);
  const tokens = createTokenVerifier({
    jwks: () => jwks.get("current"),
    audiences: [service, "mesh"],
    isRevoked: (principal) => isRevoked(revocations, principal),
  });
  const opened = stack.move();
  return { log, metrics, bus, workload, tokens, admin, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** auth publishes one row for an ended session and one for a disabled subject. */
function isRevoked(revocations: Snapshot<object>, principal: Principal): boolean {
  const { tenant, sessionId, subject } = principal;
  if (sessionId && revocations.get(`${tenant}.session.${subjectToken(sessionId)}`)) return true;
  return revocations.get(`${tenant}.subject.${subjectToken(subject)}`) !== undefined;
}
