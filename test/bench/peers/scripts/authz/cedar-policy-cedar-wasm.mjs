// Cedar with the same rules and constraints, parsed before. It looks at every policy, so it is given those of the caller's
// three roles alone: a policy set a caller.
import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import { atMs, callers, measureDecisions, roles } from "./cases.mjs";

const byName = new Map(roles.map((role) => [role.name, role]));
const at = new Date(atMs);
const context = { day: at.getUTCDay(), minute: at.getUTCHours() * 60 + at.getUTCMinutes() };

function policiesOf({ name, permissions, constraints }) {
  const inside = constraints.networks.map((network) => `context.address.isInRange(ip("${network}"))`).join(" || ");
  const when = `[1,2,3,4,5].contains(context.day) && context.minute >= 480 && context.minute < 1080 && (${inside}) && ["production","staging"].contains(context.environment)`;
  return permissions.map((scope) => {
    const [permission, limit] = scope.split(" on ");
    const on = limit.endsWith("*") ? `context.resource like "${limit}"` : `resource == Resource::"${limit}"`;
    return `permit(principal in Role::"${name}", action == Action::"${permission}", resource) when { ${on} && ${when} };`;
  });
}

for (const [index, held] of callers.entries()) {
  const texts = [...new Set(held)].flatMap((role) => policiesOf(byName.get(role)));
  const staticPolicies = Object.fromEntries(texts.map((text, number) => [`p${number}`, text]));
  const parsed = preparsePolicySet(`caller${index}`, { staticPolicies });
  if (parsed.type === "failure") throw new Error(JSON.stringify(parsed.errors));
}

measureDecisions(({ caller, held, permission, resource, address, environment }) => {
  const principal = { type: "User", id: "caller" };
  const answer = statefulIsAuthorized({
    principal,
    action: { type: "Action", id: permission },
    resource: { type: "Resource", id: resource },
    context: { ...context, resource, environment, address: { __extn: { fn: "ip", arg: address } } },
    preparsedPolicySetId: `caller${caller}`,
    entities: [{ uid: principal, attrs: {}, parents: held.map((id) => ({ type: "Role", id })) }],
  });
  if (answer.type === "failure") throw new Error(JSON.stringify(answer.errors));
  return answer.response.decision === "allow";
}, 1);
