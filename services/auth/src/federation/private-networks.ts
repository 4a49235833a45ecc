import type { LookupFunction } from "node:net";
import { AppError } from "@agentmesh/errors";
import { assertReachable, bareHost, type Guard, guardedLookup, isPublicAddress } from "@agentmesh/reach";

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
  const guard: Guard = {
    mayReach: (address, hostname) => named.has(hostname) || isPublicAddress(address),
    refuse: forbidden,
  };
  return {
    assertAllowed: (hostname) => assertReachable(guard, hostname),
    isNamed: (hostname) => named.has(bareHost(hostname)),
    lookup: guardedLookup(guard),
  };
}

function forbidden(host: string): AppError {
  return new AppError(
    "PERMISSION_DENIED",
    `${host} is in a private network; the operator must name it in IDENTITY_PRIVATE_HOSTS`,
    { reason: "PRIVATE_NETWORK" },
  );
}
