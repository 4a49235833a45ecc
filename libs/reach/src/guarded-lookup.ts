import { lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";

export type Guard = {
  /** Whether an address may be connected to, for a name that resolved to it. */
  readonly mayReach: (address: string, hostname: string) => boolean;
  /** The error for a name or address that may not be reached. */
  readonly refuse: (hostname: string) => Error;
};

/**
 * Looks a name up and leaves out what may not be reached: at the moment of connecting, so a name cannot change its mind
 * after a check. An address in place of a name is connected to without a look-up: `assertReachable` is for those.
 */
export function guardedLookup({ mayReach, refuse }: Guard): LookupFunction {
  return (hostname, asked, reply) => {
    lookup(hostname, { ...asked, all: true }, (error, addresses) => {
      if (error) return reply(error, "", 0);
      const [first, ...others] = addresses.filter(({ address }) => mayReach(address, hostname));
      if (!first) return reply(Object.assign(refuse(hostname), { errno: 0, syscall: "lookup" }), "", 0);
      if (asked.all) return reply(null, [first, ...others]);
      return reply(null, first.address, first.family);
    });
  };
}

/** @param hostname of a URL, brackets of IPv6 included @throws what `refuse` gives, for an address that may not be reached */
export function assertReachable({ mayReach, refuse }: Guard, hostname: string): void {
  const host = bareHost(hostname);
  if (isIP(host) !== 0 && !mayReach(host, host)) throw refuse(host);
}

/** `::1` of `[::1]`. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}
