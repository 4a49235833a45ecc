import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "@agentmesh/errors";
import type { AgentRun } from "@agentmesh/proto/runner";
import type { Logger } from "@agentmesh/telemetry";
import type { RunnerMetrics } from "../metrics.ts";
import type { RunRequest } from "./run-request.ts";

/**
 * Something around every run. None of it can change, fail or hold up a run: what must not fail, such as the data
 * policy, is no middleware.
 */
export type RunMiddleware = {
  readonly name: string;
  before?(request: RunRequest): void | Promise<void>;
  after?(request: RunRequest, run: AgentRun, durationMs: number): void | Promise<void>;
  /** The run did not begin, or could not be stored. */
  failed?(request: RunRequest, error: unknown, durationMs: number): void | Promise<void>;
};

type Around = { readonly middleware: readonly RunMiddleware[]; readonly log: Logger; readonly measured: RunnerMetrics };

// A middleware that takes longer goes on by itself; the run does not wait for it.
const PATIENCE_MS = 100;

export async function runWithMiddleware(
  around: Around,
  request: RunRequest,
  work: () => Promise<AgentRun>,
): Promise<AgentRun> {
  const startedAtMs = performance.now();
  await each(around, (one) => one.before?.(request));
  try {
    const run = await work();
    await each(around, (one) => one.after?.(request, run, performance.now() - startedAtMs));
    return run;
  } catch (error) {
    await each(around, (one) => one.failed?.(request, error, performance.now() - startedAtMs));
    throw error;
  }
}

async function each(around: Around, call: (one: RunMiddleware) => void | Promise<void>): Promise<void> {
  for (const one of around.middleware) {
    try {
      const pending = call(one);
      if (!pending) continue;
      const guarded = pending.catch((error) => broke(around, one, error));
      await Promise.race([guarded, wait(PATIENCE_MS, undefined, { ref: false })]);
    } catch (error) {
      broke(around, one, error);
    }
  }
}

function broke({ log, measured }: Around, one: RunMiddleware, error: unknown): void {
  measured.middlewareBroke(one.name);
  log.warn({ middleware: one.name, reason: describeError(error) }, "middleware failed; the run goes on");
}

/** What every run has around it. */
export function usualMiddleware(log: Logger, measured: RunnerMetrics): RunMiddleware[] {
  return [
    {
      name: "request-log",
      after({ caller, requestId }, run, durationMs) {
        const { id: runId, agent, state, model, cache, failure } = run;
        const fields = {
          runId,
          agent,
          state,
          model,
          cache,
          failure: failure?.code,
          durationMs: Math.round(durationMs),
        };
        log.debug({ ...fields, tenant: caller.tenant, subject: caller.subject, requestId }, "run ended");
      },
    },
    {
      name: "performance",
      after: ({ agent }, _run, durationMs) => measured.served(agent, "ended", durationMs),
      failed: ({ agent }, _error, durationMs) => measured.served(agent, "failed", durationMs),
    },
    {
      name: "errors",
      failed({ agent, caller, requestId }, error) {
        log.info({ agent, tenant: caller.tenant, requestId, reason: describeError(error) }, "run did not begin or end");
      },
    },
  ];
}
