import { AppError } from "@agentmesh/errors";
import { limitsOf, requirePermission, type TokenVerifier } from "@agentmesh/identity";
import { LRUCache } from "lru-cache";
import type { Context } from "../context.ts";
import type { Caller } from "../run/run-request.ts";

export type SubjectTokens = {
  /**
   * The subject of a workflow run as a caller, with the agent as its actor; without one when it is empty. It must be allowed
   * to run the agent, wherever the workflow names it; what a step's tool does belongs to the workflow.
   *
   * @throws AppError PERMISSION_DENIED when it may not run the agent; UNAVAILABLE when auth does not answer
   */
  callerFor(tenant: string, subject: string, agent: string): Promise<Caller>;
};

const MAX_REMEMBERED = 10_000;
// A token must outlive the call it goes along with.
const RENEW_BEFORE_MS = 60_000;
const PERMISSION = "agent:execute";

export function createSubjectTokens({ peers }: Pick<Context, "peers">, tokens: TokenVerifier): SubjectTokens {
  const remembered = new LRUCache<string, { caller: Promise<Caller>; renewAtMs: number }>({ max: MAX_REMEMBERED });

  async function exchange(key: string, tenant: string, subject: string, agent: string): Promise<Caller> {
    const { token } = await peers.auth.exchangeToken({
      credential: { $case: "onBehalfOf", value: { tenant, subject } },
      actor: agent === "" ? "" : `agent:${agent}`,
    });
    const principal = await tokens.verify(token);
    if (principal.tenant !== tenant || principal.subject !== subject) {
      throw new AppError("INTERNAL", `auth answered a token of ${principal.subject} for ${subject}`);
    }
    if (agent !== "") requirePermission(principal, PERMISSION, `agent/${agent}`);
    else if (limitsOf(principal.permissions, PERMISSION).length === 0) requirePermission(principal, PERMISSION);
    const known = remembered.get(key);
    if (known) known.renewAtMs = principal.expiresAtMs - RENEW_BEFORE_MS;
    const { department, project, actors, permissions } = principal;
    return { tenant, subject, department, project, actors, permissions, token };
  }

  return {
    callerFor(tenant, subject, agent) {
      const key = JSON.stringify([tenant, subject, agent]);
      const known = remembered.get(key);
      if (known && known.renewAtMs > Date.now()) return known.caller;
      const caller = exchange(key, tenant, subject, agent);
      // Until the answer says when it ends, all who ask share the one exchange.
      remembered.set(key, { caller, renewAtMs: Number.POSITIVE_INFINITY });
      caller.catch(() => remembered.delete(key));
      return caller;
    },
  };
}
