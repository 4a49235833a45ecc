import type { Call } from "@agentmesh/rpc";

/** Metadata in which the gateway says where a caller came from; auth is not reached from outside, so it is believed. */
export const remoteAddressHeader = "x-mesh-remote-address";

const MAX_CHARS = 64;

/** Empty when the gateway did not say. */
export function remoteAddressOf(call: Call): string {
  return (call.metadata(remoteAddressHeader) ?? "").slice(0, MAX_CHARS);
}
