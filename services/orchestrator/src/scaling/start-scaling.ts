import { describeError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Metrics } from "@agentmesh/telemetry";
import type { Context } from "../context.ts";
import { repeat } from "../engine/repeat.ts";
import { openCluster } from "./cluster.ts";
import type { Gathered } from "./make-signals.ts";
import { createProcessMeter } from "./measure-process.ts";
import { createScalingMetrics } from "./metrics.ts";
import { readBacklog } from "./read-backlog.ts";
import { createScaler } from "./scale-target.ts";
import { holdTargets, readReports, releaseTargets, removeReport, writeReport } from "./store.ts";

/** The part of the service that scaling knows. */
export type ScalingContext = Pick<Context, "config" | "db" | "bus" | "log">;

// A lease and a report outlive two rounds that were missed.
const ROUNDS_HELD = 3;

/**
 * Decides in rounds how many replicas runners and orchestrators should have. Each replica reports what it measures of
 * itself; the one that holds a deployment's lease decides on it, and the others stand by.
 */
export async function startScaling(context: ScalingContext, registry: Metrics): Promise<AsyncDisposable> {
  const { config, db, bus, log } = context;
  const settings = config.scaling;
  await using stack = new AsyncDisposableStack();
  if (settings === undefined || settings.mode === "off") return stack.move();
  const stop = new AbortController();
  const cluster = await openCluster(settings.kubernetes, stop.signal);
  if (cluster) stack.use(cluster);
  if (settings.mode === "apply" && !cluster) {
    log.warn({ host: settings.kubernetes.host }, "no cluster or no service account here; scaling is only planned");
  }
  const holder = newId();
  const heldMs = ROUNDS_HELD * settings.everyMs;
  const metrics = createScalingMetrics(registry);
  const measure = createProcessMeter(registry);
  const scaler = createScaler({ settings, db, log, metrics, cluster, holder });
  const problems = new Set<string>();

  // A figure that cannot be had is missing, and the decision holds; why is said once until it works again.
  async function attempt<T>(what: string, get: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await get();
      problems.delete(what);
      return value;
    } catch (error) {
      if (!problems.has(what)) log.warn({ what, reason: describeError(error) }, "a figure for scaling is missing");
      problems.add(what);
      return undefined;
    }
  }

  async function round(): Promise<void> {
    await writeReport(db, holder, await measure());
    const held = await holdTargets(db, holder, scaler.deployments, heldMs);
    if (held.length === 0) return metrics.standBy();
    const gathered: Gathered = {
      backlog: await attempt("backlog", () => readBacklog(db, bus, config.engine.leaseMs)),
      reports: await attempt("reports", () => readReports(db, heldMs)),
    };
    metrics.leading(held.length);
    metrics.backlog(gathered.backlog);
    for (const target of held) {
      const { deployment } = target;
      const decision = await attempt(`deployment ${deployment}`, () => scaler.scale(target, gathered));
      if (!decision) metrics.unknown(deployment);
    }
  }

  function failed(error: unknown): never {
    metrics.standBy();
    throw error;
  }

  let first = true;
  const rounds = repeat(context, "scaling", settings.everyMs, async () => {
    // A start has better things to do, and there is nothing to compare with yet.
    if (first) first = false;
    else await round().catch(failed);
  });
  stack.defer(() => leave(context, holder));
  stack.use(rounds);
  // First of all, so that nobody waits for a server that does not answer.
  stack.defer(() => stop.abort());
  return stack.move();
}

/** So that a peer goes on at once; when it cannot be said, the lease says it by ending. */
async function leave({ db, log }: ScalingContext, holder: string): Promise<void> {
  try {
    await releaseTargets(db, holder);
    await removeReport(db, holder);
  } catch (error) {
    log.warn({ reason: describeError(error) }, "the scaling lease was not released; it ends by itself");
  }
}
