// Tenants as they might be, and worse: roles that inherit in several ways, under every constraint there is, and requests.
import { type RoleConstraints, type RoleSpec, roleSpecSchema } from "../../src/domain/role-spec.ts";
import type { Random } from "./random.ts";

export type World = {
  readonly roles: ReadonlyMap<string, RoleSpec>;
  /** Scopes of API keys, by key. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
};

export type Request = {
  readonly held: readonly string[];
  /** Empty: signed in without a key. */
  readonly key: string;
  readonly permission: string;
  readonly resource: string | undefined;
  readonly atMs: number;
  readonly address: string;
  readonly environment: string;
  readonly secondFactorAtMs: number | undefined;
};

const ROLES = 6;
const factorAgesS = [30, 60, 900] as const;
const MINUTE_MS = 60_000;
const DAY_MIN = 24 * 60;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Minutes of the day at which many windows open and close. */
const edges = [0, 360, 480, 1320] as const;
const from2026 = Date.parse("2026-01-01T00:00:00Z");

// Names that begin like one another, for prefixes to part them.
const names = ["s", "support", "support-mail", "support-mail-eu", "support_chat", "sup", "finance", "f"] as const;
const limited = ["agent:execute", "agent:read", "agent:create"] as const;
const unlimited = ["agent:execute", "agent:read", "agent:create", "data:read:public", "system:admin"] as const;
const kinds = ["agent", "workflow"] as const;
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const environments = ["development", "staging", "production"] as const;
const networks = [
  "10.0.0.0/8",
  "10.1.2.3/16",
  "10.1.2.128/25",
  "10.1.2.3/32",
  "192.168.0.0/16",
  "0.0.0.0/0",
  "2001:db8::/32",
  "2001:db8:1::/48",
  "2001:db8:1::1/128",
  "::/0",
] as const;
const addresses = [
  "10.1.2.3",
  "10.1.2.200",
  "10.200.0.1",
  "9.255.255.255",
  "11.0.0.0",
  "192.168.7.7",
  "::ffff:10.1.2.3",
  "::FFFF:192.168.1.1",
  "2001:db8::1",
  "2001:DB8:1::1",
  "2001:db9::1",
  "::1",
  "",
] as const;

export const timeZones = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"] as const;

export function drawWorld(random: Random): World {
  const roles = new Map<string, RoleSpec>();
  for (let index = 0; index < ROLES; index += 1) {
    const later = Array.from({ length: ROLES - index - 1 }, (_, step) => `r${index + step + 1}`);
    const constraints = random.chance(0.6) ? drawConstraints(random) : undefined;
    roles.set(
      `r${index}`,
      roleSpecSchema.parse({ permissions: drawScopes(random), inherits: random.some(later, 0.3), constraints }),
    );
  }
  return { roles, keys: new Map(["k0", "k1"].map((key) => [key, [drawScope(random), ...drawScopes(random)]])) };
}

function drawScopes(random: Random): string[] {
  return Array.from({ length: random.below(4) }, () => drawScope(random));
}

function drawScope(random: Random): string {
  if (random.chance(0.3)) return random.oneOf(unlimited);
  const name = random.oneOf(names);
  const limit = random.chance(0.5) ? name : `${name.slice(0, random.below(name.length + 1))}*`;
  return `${random.oneOf(limited)} on ${random.oneOf(kinds)}/${limit}`;
}

function drawConstraints(random: Random): Partial<RoleConstraints> {
  return {
    ...(random.chance(0.4) && {
      hours: {
        days: [random.oneOf(days), ...random.some(days, 0.5)],
        from: drawClock(random),
        to: drawClock(random),
        timeZone: random.oneOf(["UTC", ...timeZones]),
      },
    }),
    ...(random.chance(0.4) && { networks: [random.oneOf(networks), ...random.some(networks, 0.2)] }),
    ...(random.chance(0.4) && { environments: [random.oneOf(environments), ...random.some(environments, 0.3)] }),
    ...(random.chance(0.3) && {
      secondFactor: {
        withinS: random.oneOf(factorAgesS),
        ...(random.chance(0.5) && { permissions: [random.oneOf(limited), ...random.some(unlimited, 0.3)] }),
      },
    }),
  };
}

function drawMinute(random: Random): number {
  return random.oneOf([
    random.oneOf(edges),
    random.oneOf(edges),
    random.oneOf(edges) + DAY_MIN - 1,
    random.below(DAY_MIN),
  ]);
}

function drawClock(random: Random): string {
  const minute = random.oneOf([random.oneOf(edges), random.oneOf(edges), 30 * random.below(49), random.below(1441)]);
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

export function drawRequest(random: Random, world: World): Request {
  // Often when windows open and close, or the minute before.
  const minuteMs = from2026 + random.below(365) * DAY_MS + drawMinute(random) * MINUTE_MS;
  const atMs = minuteMs + random.oneOf([0, 0, 59_999, random.below(MINUTE_MS)]);
  return {
    held: random.some([...world.roles.keys(), "gone"], 0.4),
    key: random.oneOf(["", "", "k0", "k1"]),
    permission: random.chance(0.8) ? random.oneOf(limited) : random.oneOf(unlimited),
    resource: random.chance(0.8) ? `${random.oneOf(kinds)}/${random.oneOf(names)}` : undefined,
    atMs,
    address: random.oneOf(addresses),
    environment: random.oneOf(environments),
    secondFactorAtMs: random.chance(0.6) ? atMs - drawFactorAgeMs(random) : undefined,
  };
}

/** Often to the millisecond at which it no longer counts, or not yet: clocks of replicas may differ by five seconds. */
function drawFactorAgeMs(random: Random): number {
  const endMs = random.oneOf(factorAgesS) * 1000;
  return random.oneOf([endMs, endMs - 1, -5_000, -5_001, random.below(1_000_000) - 10_000]);
}
