import { AppError } from "@agentmesh/errors";
import { modelsOf } from "../domain/agent-spec.ts";
import type { Directory } from "../open-directory.ts";
import type { Breakers } from "../providers/open-breakers.ts";
import type { Model, Models } from "../providers/open-models.ts";
import type { AgentPool, AgentPools } from "../run/agent-pools.ts";
import type { Health, HealthTarget } from "./watch-health.ts";

type Watched = {
  readonly directory: Directory;
  readonly models: Models;
  readonly pools: AgentPools;
  readonly breakers: Breakers;
};
type IsHealthy = Health["isHealthy"];

/**
 * Providers are asked on the wire. An agent's pool is looked at, which calls no model and costs nothing: whether one of
 * its models can be asked at all, and whether those who wait for a place have seen one become free since the last look.
 */
export function healthTargets(watched: Watched): (isHealthy: IsHealthy) => HealthTarget[] {
  let endedBefore = new Map<string, number>();
  return (isHealthy) => {
    const providers = watched.models.providersInUse().map(
      (provider): HealthTarget => ({
        kind: "provider",
        tenant: "",
        name: provider.name,
        probe: (signal) => provider.probe(signal),
      }),
    );
    const ended = new Map<string, number>();
    const agents = [...watched.pools.all()].map((pool): HealthTarget => {
      const { tenant, agent, key } = pool;
      ended.set(key, pool.ended);
      const isStuck = hasNotMoved(pool, endedBefore.get(key));
      return { kind: "agent", tenant, name: agent, probe: async () => assertWell(watched, isHealthy, pool, isStuck) };
    });
    endedBefore = ended;
    return [...providers, ...agents];
  };
}

function hasNotMoved({ running, queued, places, ended }: AgentPool, endedBefore: number | undefined): boolean {
  return queued > 0 && running >= places && ended === endedBefore;
}

/** @throws AppError UNAVAILABLE: NO_MODEL, POOL_STUCK */
function assertWell(watched: Watched, isHealthy: IsHealthy, { tenant, agent }: AgentPool, isStuck: boolean): void {
  const spec = watched.directory.spec(tenant, agent);
  // Nothing can be wrong with an agent that was deleted.
  if (!spec) return;
  const reasons = modelsOf(spec).map((name) => whyNot(watched, isHealthy, name));
  if (reasons.every(Boolean)) {
    throw new AppError("UNAVAILABLE", `none of its models can be asked: ${reasons.join("; ")}`, { reason: "NO_MODEL" });
  }
  if (isStuck) {
    throw new AppError("UNAVAILABLE", "all its places are taken, runs wait, and none has ended since the last look", {
      reason: "POOL_STUCK",
    });
  }
}

function whyNot({ models, breakers }: Watched, isHealthy: IsHealthy, name: string): string | undefined {
  let model: Model;
  try {
    model = models.resolve(name);
  } catch (error) {
    return error instanceof Error ? error.message : name;
  }
  if (!isHealthy(model.provider)) return `${model.provider} does not answer probes`;
  return breakers.state(model.fullName) === "open" ? `the breaker of ${model.fullName} is open` : undefined;
}

/** The tenants with an agent that may ask a provider. */
export function tenantsUsing(
  { directory, models }: Pick<Watched, "directory" | "models">,
  uses: (model: Model) => boolean,
): string[] {
  const tenants = new Set<string>();
  for (const { tenant, spec } of directory.specs()) {
    if (!tenants.has(tenant) && modelsOf(spec).some((name) => isUsed(models, name, uses))) tenants.add(tenant);
  }
  return [...tenants];
}

function isUsed(models: Models, name: string, uses: (model: Model) => boolean): boolean {
  try {
    return uses(models.resolve(name));
  } catch {
    return false;
  }
}
