import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Metadata } from "@grpc/grpc-js";

// Not imported: an import reads all exports, and one of them is the list of all authorities.
const tls = process.getBuiltinModule("node:tls");

/** What came with a request of who sent it, before anything of it is believed. */
export type Arrived = {
  /** The address at the other end of the connection. */
  readonly peer: string;
  /** Every value of a header; names in lower case. */
  readonly all: (header: string) => readonly string[];
  /** The connection, where it has TLS of our own. */
  readonly tls: TLSSocket | undefined;
};

export function arrivedOverHttp({ socket, headersDistinct }: IncomingMessage): Arrived {
  return {
    peer: socket.remoteAddress ?? "",
    all: (header) => headersDistinct[header] ?? [],
    tls: socket instanceof tls.TLSSocket ? socket : undefined,
  };
}

/** gRPC has no TLS of its own here. */
export function arrivedOverGrpc(metadata: Metadata, peer: string): Arrived {
  return { peer, all: (header) => metadata.get(header).map(String), tls: undefined };
}
