import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { AppError } from "@agentmesh/errors";

/** Loopback, private, shared, link-local (cloud metadata lives there), multicast and reserved: RFC 6890. */
const networks: readonly [string, number, "ipv4" | "ipv6"][] = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
  ["::", 127, "ipv6"],
  ["64:ff9b::", 96, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
  ["ff00::", 8, "ipv6"],
];

/** Where auth may connect to for a tenant: anywhere public, and the hosts the operator named. */
export type Reach = {
  /** For addresses in place of names, which are not looked up. @throws AppError PERMISSION_DENIED (PRIVATE_NETWORK) */
  assertAllowed(hostname: string): void;
  isNamed(hostname: string): boolean;
  /** Looks a name up and leaves out what may not be reached, at the moment of connecting. */
  readonly lookup: LookupFunction;
};

/** @param privateHosts names or addresses that may lie in a private network */
export function createReach(privateHosts: readonly string[]): Reach {
  const named = new Set(privateHosts);
  const blocked = new BlockList();
  for (const [address, prefix, family] of networks) blocked.addSubnet(address, prefix, family);
  const isBlocked = (address: string) => blocked.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return {
    assertAllowed(hostname) {
      const host = hostname.replace(/^\[|\]$/g, "");
      if (isIP(host) !== 0 && isBlocked(host) && !named.has(host)) throw forbidden(host);
    },
    isNamed: (hostname) => named.has(hostname.replace(/^\[|\]$/g, "")),
    lookup(hostname, asked, reply) {
      lookup(hostname, { ...asked, all: true }, (error, addresses) => {
        if (error) return reply(error, "", 0);
        const allowed = addresses.filter(({ address }) => named.has(hostname) || !isBlocked(address));
        const [first] = allowed;
        if (!first) return reply(Object.assign(forbidden(hostname), { errno: 0, syscall: "lookup" }), "", 0);
        if (asked.all) return reply(null, allowed);
        return reply(null, first.address, first.family);
      });
    },
  };
}

function forbidden(host: string): AppError {
  return new AppError(
    "PERMISSION_DENIED",
    `${host} is in a private network; the operator must name it in IDENTITY_PRIVATE_HOSTS`,
    { reason: "PRIVATE_NETWORK" },
  );
}
