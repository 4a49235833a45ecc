import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import { readAgentEdges } from "../store/agent-edges.ts";

/** Agents that may stand above each other as tools; a fifth is refused. */
export const MAX_AGENT_DEPTH = 4;

/** A resource about to be stored: an Agent with the tools it names, or a Tool with the agent behind it. */
type Candidate = { readonly kind: "Agent" | "Tool"; readonly name: string; readonly uses: readonly string[] };

/**
 * Refuses what would let an agent call itself through its tools, and chains deeper than MAX_AGENT_DEPTH.
 *
 * @throws AppError INVALID_ARGUMENT (AGENT_CYCLE, AGENT_DEPTH) naming the chain
 */
export async function assertNoCycle(tx: Queryable, tenant: string, candidate: Candidate): Promise<void> {
  const self = `${candidate.kind}/${candidate.name}`;
  const other = candidate.kind === "Agent" ? "Tool" : "Agent";
  let chains = candidate.uses.map((name) => [self, `${other}/${name}`]);
  // Every agent but the first is two links further down: its tool, and it.
  for (let links = 1; chains.length > 0; links += 1) {
    const cyclic = chains.find((chain) => chain.at(-1) === self);
    if (cyclic) throw refused("AGENT_CYCLE", candidate, `it would call itself: ${cyclic.join(" → ")}`);
    const deep = chains.find((chain) => chain.filter((each) => each.startsWith("Agent/")).length > MAX_AGENT_DEPTH);
    if (deep || links > 2 * MAX_AGENT_DEPTH) {
      const shown = (deep ?? chains[0] ?? []).join(" → ");
      throw refused("AGENT_DEPTH", candidate, `agents call agents at most ${MAX_AGENT_DEPTH} deep: ${shown}`);
    }
    const edges = await readAgentEdges(tx, tenant, [...new Set(chains.map((chain) => chain.at(-1) ?? ""))]);
    chains = chains.flatMap((chain) => (edges.get(chain.at(-1) ?? "") ?? []).map((next) => [...chain, next]));
    chains = [...new Map(chains.map((chain) => [chain.at(-1), chain])).values()];
  }
}

function refused(reason: string, { kind, name }: Candidate, why: string): AppError {
  const field = kind === "Agent" ? "spec.tools" : "spec.source.agent";
  return new AppError("INVALID_ARGUMENT", `${kind}/${name}: ${field}: ${why}`, { reason, field });
}
