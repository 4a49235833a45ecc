// casbin with a matcher of roles, names and prefixes, and no constraints. It looks at every policy, so it is given those of
// the caller's three roles alone: an enforcer a caller.
import { newEnforcer, newModelFromString } from "casbin";
import { callers, measureDecisions, roles } from "./cases.mjs";

const model = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.act == p.act && keyMatch(r.obj, p.obj)
`;

const byName = new Map(roles.map((role) => [role.name, role]));
const enforcers = [];
for (const held of callers) {
  const enforcer = await newEnforcer(newModelFromString(model));
  const unique = [...new Set(held)];
  for (const role of unique) {
    const rules = byName.get(role).permissions.map((scope) => {
      const [permission, limit] = scope.split(" on ");
      return [role, limit, permission];
    });
    await enforcer.addPolicies(rules);
    await enforcer.addGroupingPolicy("caller", role);
  }
  enforcers.push(enforcer);
}

measureDecisions(
  ({ caller, permission, resource }) => enforcers[caller].enforceSync("caller", resource, permission),
  1,
);
