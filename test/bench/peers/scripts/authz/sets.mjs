// The limit: names in a set a role. No prefixes, no constraints, nothing to explain.
import { measureDecisions, roles } from "./cases.mjs";

const sets = new Map(roles.map(({ name, permissions }) => [name, new Set(permissions)]));

measureDecisions(
  ({ held, permission, resource }) => {
    const scope = `${permission} on ${resource}`;
    return held.some((role) => sets.get(role).has(scope));
  },
  100,
  false,
);
