import { AppError } from "@agentmesh/errors";
import type { ChannelOptions } from "@agentmesh/rpc";

/** Certificates and keys as PEM texts. */
export type Tls = NonNullable<ChannelOptions["tls"]>;

const schemes: Readonly<Record<string, { readonly tls: boolean; readonly port: number }>> = {
  "https:": { tls: true, port: 443 },
  "http:": { tls: false, port: 80 },
};

/**
 * How to reach a gateway: `host:port[,host:port]` in clear, as on one machine or behind a sidecar; `https://host[:port]`
 * with TLS, port 443 where none is said. Several addresses have one scheme.
 *
 * @throws AppError INVALID_ARGUMENT
 */
export function readGatewayAddress(text: string, tls: Tls = {}): Pick<ChannelOptions, "address" | "tls"> {
  const parts = text.split(",").map((part) => part.trim());
  const read = parts.map(readOne);
  const secure = read.map((part) => part.tls);
  if (new Set(secure).size > 1) throw bad(text, "addresses that all begin with https://, or none of them");
  const address = read.map((part) => part.address).join(",");
  if (secure[0] === true) return { address, tls };
  if (Object.keys(tls).length > 0) throw bad(text, "https:// in front, because certificates are given");
  return { address };
}

function readOne(text: string): { address: string; tls: boolean } {
  if (!text.includes("://") || text.includes(":///")) return { address: text, tls: false };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = schemes[url?.protocol ?? ""];
  if (!url || !scheme) throw bad(text, "host:port, or https://host[:port]");
  if (url.username || url.password || url.search || url.hash || url.pathname !== "/") {
    throw bad(text, "no more than https://host[:port]: no user, no path");
  }
  return { address: `${url.hostname}:${url.port || scheme.port}`, tls: scheme.tls };
}

function bad(text: string, expected: string): AppError {
  // A user name and password in a URL are no address, and nothing to repeat.
  const shown = text.replace(/\/\/[^@/]*@/g, "//");
  return new AppError("INVALID_ARGUMENT", `the address ${JSON.stringify(shown)}: expected ${expected}`, {
    reason: "BAD_ADDRESS",
  });
}
