import { compileNetworks } from "./networks.ts";
import { dayNames, type RoleConstraints } from "./role-spec.ts";

/** Under what a caller asks. */
export type Conditions = {
  readonly atMs: number;
  /** Empty: not known, which satisfies no network. */
  readonly address: string;
  readonly environment: string;
  /** When the caller last gave a second factor. Default never. */
  readonly secondFactorAtMs?: number | undefined;
};

/** One constraint, ready to be held against conditions. */
export type Check = {
  readonly constraint: "hours" | "networks" | "environments";
  isMet(conditions: Conditions): boolean;
  /** Why it is not met, in words; undefined: it is. */
  obstacle(conditions: Conditions): string | undefined;
};

/** The constraints of one role as functions that take a fraction of a microsecond together. */
export function compileConstraints(constraints: RoleConstraints | undefined): Check[] {
  if (!constraints) return [];
  const { hours, networks, environments } = constraints;
  return [
    ...(hours ? [hoursCheck(hours)] : []),
    ...(networks ? [networksCheck(networks)] : []),
    ...(environments ? [environmentsCheck(environments)] : []),
  ];
}

const DAY_MIN = 24 * 60;

function hoursCheck({ days, from, to, timeZone }: NonNullable<RoleConstraints["hours"]>): Check {
  const fromMin = minuteOf(from);
  const toMin = minuteOf(to) > fromMin ? minuteOf(to) : minuteOf(to) + DAY_MIN;
  const openDays = new Set(days.map((day) => dayNames.indexOf(day)));
  const text = `it counts ${days.join(", ")} from ${from} to ${to} ${timeZone}`;
  const localMinute = localMinuteOf(timeZone);
  return check(
    "hours",
    ({ atMs }) => {
      const { day, minute } = localMinute(atMs);
      const today = openDays.has(day) && minute >= fromMin && minute < toMin;
      return today || (openDays.has((day + 6) % 7) && minute + DAY_MIN < toMin);
    },
    () => text,
  );
}

function check(
  constraint: Check["constraint"],
  isMet: Check["isMet"],
  textOf: (conditions: Conditions) => string,
): Check {
  return { constraint, isMet, obstacle: (conditions) => (isMet(conditions) ? undefined : textOf(conditions)) };
}

function minuteOf(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
}

/** Formatting a zone's time takes microseconds, so the last minute asked for is remembered. */
function localMinuteOf(timeZone: string): (atMs: number) => { day: number; minute: number } {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  let known = { epochMinute: Number.NaN, day: 0, minute: 0 };
  return (atMs) => {
    const epochMinute = Math.floor(atMs / 60_000);
    if (known.epochMinute !== epochMinute) {
      const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
      known = {
        epochMinute,
        day: dayNames.indexOf((parts.get("weekday") ?? "").toLowerCase()),
        minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")),
      };
    }
    return known;
  };
}

function networksCheck(networks: readonly string[]): Check {
  const isInside = compileNetworks(networks);
  const text = `it counts for callers from ${networks.join(", ")}`;
  return check(
    "networks",
    ({ address }) => isInside(address),
    ({ address }) => `${text}, not from ${address || "an unknown address"}`,
  );
}

function environmentsCheck(environments: readonly string[]): Check {
  const allowed = new Set(environments);
  const text = `it counts in ${environments.join(", ")}`;
  return check(
    "environments",
    ({ environment }) => allowed.has(environment),
    ({ environment }) => `${text}, not in ${environment}`,
  );
}
