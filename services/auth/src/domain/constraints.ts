import { BlockList, isIP } from "node:net";
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

/** Why a constraint is not met, or undefined when it is. */
export type Check = (conditions: Conditions) => string | undefined;

/** The constraints of one role as functions that take about a microsecond together. */
export function compileConstraints(constraints: RoleConstraints | undefined): Check[] {
  if (!constraints) return [];
  const { hours, networks, environments } = constraints;
  return [
    ...(hours ? [compileHours(hours)] : []),
    ...(networks ? [compileNetworks(networks)] : []),
    ...(environments ? [compileEnvironments(environments)] : []),
  ];
}

const DAY_MIN = 24 * 60;

function compileHours({ days, from, to, timeZone }: NonNullable<RoleConstraints["hours"]>): Check {
  const fromMin = minuteOf(from);
  const toMin = minuteOf(to) > fromMin ? minuteOf(to) : minuteOf(to) + DAY_MIN;
  const openDays = new Set(days.map((day) => dayNames.indexOf(day)));
  const text = `it counts ${days.join(", ")} from ${from} to ${to} ${timeZone}`;
  const localMinute = localMinuteOf(timeZone);
  return ({ atMs }) => {
    const { day, minute } = localMinute(atMs);
    const today = openDays.has(day) && minute >= fromMin && minute < toMin;
    const sinceYesterday = openDays.has((day + 6) % 7) && minute + DAY_MIN < toMin;
    return today || sinceYesterday ? undefined : text;
  };
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

function compileNetworks(networks: readonly string[]): Check {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits = ""] = network.split("/");
    list.addSubnet(address, Number(bits), address.includes(":") ? "ipv6" : "ipv4");
  }
  const text = `it counts for callers from ${networks.join(", ")}`;
  return ({ address }) => {
    // A dual-stack socket reports IPv4 callers as ::ffff:10.0.0.1.
    const plain = address.toLowerCase().startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
    const version = isIP(plain);
    const inside = version !== 0 && list.check(plain, version === 6 ? "ipv6" : "ipv4");
    return inside ? undefined : `${text}, not from ${address || "an unknown address"}`;
  };
}

function compileEnvironments(environments: readonly string[]): Check {
  const allowed = new Set(environments);
  const text = `it counts in ${environments.join(", ")}`;
  return ({ environment }) => (allowed.has(environment) ? undefined : `${text}, not in ${environment}`);
}
