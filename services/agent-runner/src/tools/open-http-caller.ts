import { AppError } from "@agentmesh/errors";
import { assertReachable, type Guard, guardedLookup, isPublicAddress } from "@agentmesh/reach";
import type { Agent } from "undici";
import type { HttpCaller } from "./http-send.ts";

const MAX_CONNECTIONS_A_HOST = 32;
const CONNECT_TIMEOUT_MS = 3_000;

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
  const guard: Guard = {
    mayReach: (address) => options.allowPrivateNetworks || isPublicAddress(address),
    refuse: forbidden,
  };
  let opened: Promise<Agent> | undefined;

  async function open(): Promise<Agent> {
    const undici = await import("undici");
    const connect = { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(guard) };
    return new undici.Agent({ connections: MAX_CONNECTIONS_A_HOST, connect });
  }

  return {
    dispatcher() {
      opened ??= open();
      return opened;
    },
    assertAllowed: (url) => assertReachable(guard, url.hostname),
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
