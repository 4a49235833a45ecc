import type { Balance } from "./settings.ts";

// The prefix tells gRPC to keep an option from the connections, which are shared by those of equal options.
const OWN = "grpc.internal.no_subchannel.agentmesh";
const BALANCE = `${OWN}.balance`;
/** Attribute of a resolution: Map of address to weight. */
export const WEIGHTS = `${OWN}.weights`;

export function optionsOf(balance: Balance): Record<string, Balance> {
  return { [BALANCE]: balance };
}

export function balanceIn(options: Readonly<Record<string, unknown>>): Balance | undefined {
  const found = options[BALANCE];
  // Only optionsOf() writes it.
  return typeof found === "object" && found !== null && "policy" in found ? (found as Balance) : undefined;
}

export function weightIn(options: Readonly<Record<string, unknown>>, address: string): number {
  const weights = options[WEIGHTS];
  return weights instanceof Map ? Number(weights.get(address) ?? 1) : 1;
}

/** What is left for the connections. */
export function withoutOwn(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !name.startsWith(OWN)));
}
