// A process of its own: the decision as auth makes and explains it, among all 1 000 roles. `token`: as services make it at
// every hop, from the scopes of the caller's roles that a token carries.
import { compileRole } from "@agentmesh/auth/compile-roles";
import { decide, rightsOf } from "@agentmesh/auth/decide";
import { roleSpecSchema } from "@agentmesh/auth/role-spec";
import { holdsScope } from "@agentmesh/identity";
import { atMs, measureDecisions, roles } from "../../peers/scripts/authz/cases.mjs";

const rounds = 100;

const specs = new Map(roles.map(({ name, ...spec }) => [name, roleSpecSchema.parse(spec)]));
const compiled = new Map([...specs.keys()].map((name) => [name, compileRole(specs, name)]));

if (process.argv[2] === "token") {
  const carried = new Map<readonly string[], ReadonlySet<string>>();
  measureDecisions(({ held, permission, resource, environment }) => {
    let scopes = carried.get(held);
    if (!scopes) {
      scopes = rightsOf(compiled, held, { atMs, address: "192.168.0.1", environment }).permissions;
      carried.set(held, scopes);
    }
    return holdsScope(scopes, permission, resource);
  }, rounds);
} else {
  measureDecisions(
    ({ held, permission, resource, address, environment }) =>
      decide(compiled, held, { permission, resource }, { atMs, address, environment }) !== undefined,
    rounds,
  );
}
