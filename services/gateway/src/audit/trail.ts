import { setTimeout as delay } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import type { WorkloadIdentity } from "@agentmesh/identity";
import type { AuditEntry } from "@agentmesh/proto/compliance";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { createBreaker } from "@agentmesh/resilience";
import { type Channel, createClient } from "@agentmesh/rpc";
import type { Logger, Metrics } from "@agentmesh/telemetry";
import { openSpool } from "./spool.ts";

export type TrailOptions = {
  readonly compliance: Channel;
  readonly workload: WorkloadIdentity;
  readonly spoolDir: string;
  readonly log: Logger;
  readonly metrics: Metrics;
};

export type Trail = AsyncDisposable & {
  /** Durable when it resolves. @throws AppError UNAVAILABLE (AUDIT_UNAVAILABLE) when nothing takes it */
  append(entry: AuditEntry): Promise<void>;
};

type Waiting = { readonly entry: AuditEntry; readonly done: PromiseWithResolvers<void> };

const MAX_BATCH = 128;
// Batches on their way; beyond, entries join the next batch, which is what makes it larger under load.
const MAX_IN_FLIGHT = 2;
const MAX_WAITING = 10_000;
const APPEND_TIMEOUT_MS = 2_000;
const BREAKER_OPEN_MS = 1_000;
const REPLAY_EVERY_MS = 1_000;
const IDLE_CHECK_MS = 10;

/**
 * Audit entries on their way to compliance. Entries that come together travel together; nothing waits for company,
 * because while one batch is on its way the next gathers.
 */
export async function openTrail(options: TrailOptions): Promise<Trail> {
  const { log, metrics, workload } = options;
  const client = createClient(complianceContract, { address: options.compliance, workload });
  const spool = await openSpool(options.spoolDir, log);
  const spooled = metrics.counter("agentmesh_gateway_audit_spooled_total", "Audit entries written to the local spool");
  const breaker = createBreaker({ name: "audit at compliance", failures: 1, openMs: BREAKER_OPEN_MS });
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let replaying = Promise.resolve();

  const send = async (entries: readonly AuditEntry[]) => {
    await client.appendAudit({ entries: [...entries] }, { timeoutMs: APPEND_TIMEOUT_MS });
  };

  async function store(entries: readonly AuditEntry[]): Promise<void> {
    try {
      await breaker.run(() => send(entries));
    } catch (cause) {
      spooled.inc(entries.length);
      await spool.append(entries).catch((error) => {
        log.error({ compliance: describeError(cause), spool: describeError(error) }, "audit is not possible");
        throw new AppError("UNAVAILABLE", "audit is not possible now, so nothing leaves; try again shortly", {
          reason: "AUDIT_UNAVAILABLE",
          retryAfterMs: BREAKER_OPEN_MS,
          cause: error,
        });
      });
    }
  }

  async function flush(): Promise<void> {
    if (inFlight >= MAX_IN_FLIGHT || waiting.length === 0) return;
    inFlight += 1;
    // Whoever else is ready in this turn of the event loop comes along.
    await new Promise((resolve) => setImmediate(resolve));
    const batch = waiting.splice(0, MAX_BATCH);
    try {
      await store(batch.map(({ entry }) => entry));
      for (const { done } of batch) done.resolve();
    } catch (error) {
      for (const { done } of batch) done.reject(error);
    }
    inFlight -= 1;
    void flush();
  }

  const timer = setInterval(() => {
    replaying = replaying.then(() => spool.replay(send));
  }, REPLAY_EVERY_MS);
  return {
    append(entry) {
      if (waiting.length >= MAX_WAITING) {
        const message = `${MAX_WAITING} requests wait for their audit entries; try again shortly`;
        return Promise.reject(
          new AppError("UNAVAILABLE", message, { reason: "AUDIT_UNAVAILABLE", retryAfterMs: 1_000 }),
        );
      }
      const done = Promise.withResolvers<void>();
      waiting.push({ entry, done });
      void flush();
      return done.promise;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      // Streams that the shutdown ended say so now.
      while (inFlight > 0 || waiting.length > 0) await delay(IDLE_CHECK_MS);
      await replaying;
      await spool.replay(send);
      await spool[Symbol.asyncDispose]();
    },
  };
}
