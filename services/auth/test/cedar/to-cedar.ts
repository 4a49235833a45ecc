// The same roles said in Cedar's language, written against the documentation of roles and not against the code that compiles
// them: a permit for every way from a role to a scope, with the constraints of all roles on that way.
import type { RoleSpec } from "../../src/domain/role-spec.ts";
import { type Request, timeZones, type World } from "./world.ts";

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const CLOCK_SKEW_MS = 5_000;

export function toPolicies({ roles, keys }: World): Record<string, string> {
  const policies: Record<string, string> = {};
  for (const held of roles.keys()) {
    for (const path of pathsFrom(roles, held)) {
      for (const scope of path.at(-1)?.permissions ?? []) {
        const [permission = "", resource] = scope.split(" on ");
        const conditions = [...path.flatMap((role) => conditionsOf(role, permission)), onResource(resource)];
        const name = `p${Object.keys(policies).length}`;
        policies[name] =
          `permit(principal in Role::"${held}", action == Action::"${permission}", resource)\nwhen { ${conditions.join(" && ")} };`;
      }
    }
  }
  for (const [key, scopes] of keys) {
    const may = scopes.map((scope) => {
      const [permission = "", resource] = scope.split(" on ");
      return `(action == Action::"${permission}" && ${onResource(resource)})`;
    });
    policies[key] =
      `forbid(principal, action, resource)\nwhen { context.key == "${key}" }\nunless { ${may.join(" || ")} };`;
  }
  return policies;
}

function pathsFrom(roles: World["roles"], name: string): RoleSpec[][] {
  const role = roles.get(name);
  if (!role) return [];
  return [[role], ...role.inherits.flatMap((parent) => pathsFrom(roles, parent).map((path) => [role, ...path]))];
}

function onResource(limit: string | undefined): string {
  if (limit === undefined) return "true";
  return limit.includes("*") ? `context.resource like "${limit}"` : `resource == Resource::"${limit}"`;
}

function conditionsOf({ constraints }: RoleSpec, permission: string): string[] {
  const { hours, networks, environments, secondFactor } = constraints ?? {};
  const conditions: string[] = [];
  if (hours) {
    const local = `context.local["${hours.timeZone}"]`;
    const on = (shift: number) =>
      `[${hours.days.map((day) => (DAYS.indexOf(day) + shift) % 7).join()}].contains(${local}.day)`;
    const [from, to] = [minutes(hours.from), minutes(hours.to)];
    conditions.push(
      from < to
        ? `(${on(0)} && ${local}.minute >= ${from} && ${local}.minute < ${to})`
        : `((${on(0)} && ${local}.minute >= ${from}) || (${on(1)} && ${local}.minute < ${to}))`,
    );
  }
  if (networks) {
    const inside = networks.map((network) => `context.address.isInRange(ip("${network}"))`);
    conditions.push(`(context has address && (${inside.join(" || ")}))`);
  }
  if (environments) conditions.push(`${JSON.stringify(environments)}.contains(context.environment)`);
  if (secondFactor && (secondFactor.permissions ?? [permission]).some((one) => one === permission)) {
    const age = "context.factorAgeMs";
    conditions.push(
      `(context has factorAgeMs && ${age} >= -${CLOCK_SKEW_MS} && ${age} < ${secondFactor.withinS * 1000})`,
    );
  }
  return conditions;
}

function minutes(clock: string): number {
  const [hour = 0, minute = 0] = clock.split(":").map(Number);
  return hour * 60 + minute;
}

export function toCall(policySet: string, request: Request) {
  const principal = { type: "User", id: "u" };
  const resource = { type: "Resource", id: request.resource ?? "everywhere" };
  // Cedar keeps IPv4 in IPv6 apart from IPv4; callers of a dual-stack socket come as the first.
  const address = request.address.replace(/^::ffff:/i, "");
  return {
    principal,
    action: { type: "Action", id: request.permission },
    resource,
    context: {
      key: request.key,
      resource: resource.id,
      environment: request.environment,
      local: Object.fromEntries(timeZones.map((zone) => [zone, localTime(request.atMs, zone)])),
      ...(address !== "" && { address: { __extn: { fn: "ip", arg: address } } }),
      ...(request.secondFactorAtMs !== undefined && { factorAgeMs: request.atMs - request.secondFactorAtMs }),
    },
    preparsedPolicySetId: policySet,
    entities: [{ uid: principal, attrs: {}, parents: request.held.map((id) => ({ type: "Role", id })) }],
  };
}

const formats = new Map(
  timeZones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" }),
  ]),
);

/** From the wall clock's date and not from a week day's name, as the service has it. */
function localTime(atMs: number, zone: (typeof timeZones)[number]): { day: number; minute: number } {
  const [date = "", clock = ""] = (formats.get(zone)?.format(atMs) ?? "").split(" ");
  return { day: new Date(`${date}T00:00:00Z`).getUTCDay(), minute: minutes(clock) };
}
