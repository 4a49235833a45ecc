import { holdsScope, intersectScopes } from "@agentmesh/identity";
import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import { compileRole } from "../../src/domain/compile-roles.ts";
import { type CompiledRoles, decide, rightsOf } from "../../src/domain/decide.ts";
import { explain } from "../../src/domain/explain.ts";
import { seeded } from "./random.ts";
import { toCall, toPolicies } from "./to-cedar.ts";
import { drawRequest, drawWorld, type Request, type World } from "./world.ts";

export type Comparison = {
  readonly requests: number;
  readonly allowed: number;
  /** The first few, to look at. */
  readonly disagreements: readonly { readonly request: Request; readonly answers: object; readonly world: World }[];
};

const REQUESTS_OF_WORLD = 250;
const MAX_SHOWN = 3;

/** Asks Cedar and ourselves the same, in as many random tenants as it takes. */
export function compare(requests: number, seed: number): Comparison {
  const random = seeded(seed);
  const disagreements: Comparison["disagreements"][number][] = [];
  let allowed = 0;
  let asked = 0;
  while (asked < requests) {
    const world = drawWorld(random);
    const ask = openWorld(world);
    for (let index = 0; index < REQUESTS_OF_WORLD && asked < requests; index += 1) {
      asked += 1;
      const request = drawRequest(random, world);
      const answers = ask(request);
      if (answers.cedar) allowed += 1;
      const agree = Object.values(answers).every((answer) => answer === answers.cedar);
      if (!agree && disagreements.length < MAX_SHOWN) disagreements.push({ request, answers, world });
    }
  }
  return { requests: asked, allowed, disagreements };
}

function openWorld(world: World) {
  const compiled = new Map([...world.roles.keys()].map((name) => [name, compileRole(world.roles, name)]));
  const roles: CompiledRoles = { get: (name) => compiled.get(name) };
  const parsed = preparsePolicySet("world", { staticPolicies: toPolicies(world) });
  if (parsed.type === "failure") throw new Error(`Cedar refuses a policy: ${JSON.stringify(parsed.errors)}`);
  return (request: Request) => {
    const { held, permission, resource } = request;
    const scopes = world.keys.get(request.key);
    const keyAllows = !scopes || holdsScope(new Set(scopes), permission, resource);
    const { permissions } = rightsOf(roles, held, request);
    const carried = scopes ? intersectScopes(permissions, new Set(scopes)) : permissions;
    const isDecided = decide(roles, held, { permission, resource }, request) !== undefined;
    return {
      cedar: askCedar(request),
      decide: isDecided && keyAllows,
      explain: explain(roles, held, { permission, resource }, request).allowed && keyAllows,
      /** As services decide: from what a token carries. */
      token: holdsScope(carried, permission, resource),
    };
  };
}

function askCedar(request: Request): boolean {
  const answer = statefulIsAuthorized(toCall("world", request));
  if (answer.type === "failure") throw new Error(`Cedar: ${JSON.stringify(answer.errors)}`);
  const { decision, diagnostics } = answer.response;
  if (diagnostics.errors.length > 0) throw new Error(`Cedar: ${JSON.stringify(diagnostics.errors)}`);
  return decision === "allow";
}
