import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { AppError } from "@agentmesh/errors";
import type { Agent } from "undici";
import type { HttpCaller } from "./http-send.ts";

const MAX_CONNECTIONS_A_HOST = 32;
const CONNECT_TIMEOUT_MS = 3_000;

/** Loopback, private, shared, link-local (cloud metadata lives there), multicast and reserved: RFC 6890. */
const privateNetworks: readonly [string, number, "ipv4" | "ipv6"][] = [
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

export type HttpCallerOptions = {
  readonly allowPrivateNetworks: boolean;
  /** Hosts ("api.example.com", "localhost:8080") that may learn tenant and subject of a call. Default: none. */
  readonly identityHosts?: readonly string[];
};

/**
 * The way out for HTTP tools. Tenants declare the URLs, so names are checked by what they resolve to, at the moment of
 * connecting: a name that points into the mesh's own network reaches nothing.
 */
export function openHttpCaller(options: HttpCallerOptions): HttpCaller & AsyncDisposable {
  const mayKnow = new Set(options.identityHosts);
  const blocked = new BlockList();
  if (!options.allowPrivateNetworks) {
    for (const [address, prefix, family] of privateNetworks) blocked.addSubnet(address, prefix, family);
  }

  function isBlocked(address: string): boolean {
    return blocked.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  const guarded: LookupFunction = (hostname, asked, reply) => {
    lookup(hostname, { ...asked, all: true }, (error, addresses) => {
      if (error) return reply(error, "", 0);
      const allowed = addresses.filter(({ address }) => !isBlocked(address));
      const [first] = allowed;
      if (!first) return reply(Object.assign(forbidden(hostname), { errno: 0, syscall: "lookup" }), "", 0);
      if (asked.all) return reply(null, allowed);
      return reply(null, first.address, first.family);
    });
  };
  let opened: Promise<Agent> | undefined;

  async function open(): Promise<Agent> {
    const undici = await import("undici");
    const connect = { timeout: CONNECT_TIMEOUT_MS, lookup: guarded };
    return new undici.Agent({ connections: MAX_CONNECTIONS_A_HOST, connect });
  }

  return {
    dispatcher() {
      opened ??= open();
      return opened;
    },
    assertAllowed(url) {
      const host = url.hostname.replace(/^\[|\]$/g, "");
      // An address as the host is connected to without a lookup.
      if (isIP(host) !== 0 && isBlocked(host)) throw forbidden(host);
    },
    mayKnowCaller: (url) => mayKnow.has(url.host),
    async [Symbol.asyncDispose]() {
      await (await opened)?.destroy();
    },
  };
}

function forbidden(host: string): AppError {
  return new AppError("PERMISSION_DENIED", `${host} is in a private network, which HTTP tools may not reach`, {
    reason: "PRIVATE_NETWORK",
  });
}
