import type { Context } from "../context.ts";
import { admit } from "./admit.ts";
import { audit } from "./audit.ts";
import { authenticate } from "./authenticate.ts";
import { authorise } from "./authorise.ts";
import { budget } from "./budget.ts";
import type { Exchange, Reply, Stage, StageName } from "./exchange.ts";
import { idempotency } from "./idempotency.ts";
import { inspect } from "./inspect.ts";
import { limit } from "./limit.ts";
import { route } from "./route.ts";

/**
 * What every request of every surface passes, in this order. Each wraps the rest: `audit` stands outermost, because it
 * writes before a reply leaves and sees refusals of all the others.
 */
export const pipelineStages: readonly (readonly [StageName, Stage])[] = [
  ["audit", audit],
  ["authenticate", authenticate],
  ["authorise", authorise],
  ["inspect", inspect],
  ["limit", limit],
  ["admit", admit],
  ["budget", budget],
  ["idempotency", idempotency],
  ["route", route],
];

/** Runs an exchange to its reply. @throws AppError with the refusal or the failure */
export async function runPipeline(context: Context, exchange: Exchange): Promise<Reply> {
  return enter(context, exchange, 0);
}

async function enter(context: Context, exchange: Exchange, index: number): Promise<Reply> {
  const entry = pipelineStages[index];
  if (!entry) throw new Error("the pipeline has no stage after route");
  const [name, stage] = entry;
  exchange.passed.push(name);
  try {
    return await stage(context, exchange, () => enter(context, exchange, index + 1));
  } catch (error) {
    exchange.failedAt ??= name;
    throw error;
  }
}
