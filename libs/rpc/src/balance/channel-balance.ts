import type { Principal } from "@agentmesh/identity";
import type { ChannelOptions, Metadata } from "@grpc/grpc-js";
import { CallMetadata } from "./call-metadata.ts";
import { POLICY_NAME, registerBalancing } from "./load-balancer.ts";
import { optionsOf } from "./options.ts";
import { MESH_SCHEME } from "./resolver.ts";
import type { Balance, BalanceSettings } from "./settings.ts";

/** What of a call says which calls belong together. */
export type KeySource = {
  readonly balanceKey?: string;
  readonly principal?: Principal;
  readonly parent?: { readonly principal: Principal | undefined };
};

/** What a channel needs to be balanced. */
export type ChannelBalance = {
  readonly target: string;
  readonly policyName: string;
  readonly options: ChannelOptions;
  /** A copy of the metadata that also tells the picker of the call. */
  metadataOf(metadata: Metadata, call: KeySource, streaming: boolean): Metadata;
};

/** `plainTarget` is the gRPC target of the same address without balancing. */
export function balanceChannel(address: string, plainTarget: string, balance: Balance): ChannelBalance {
  registerBalancing();
  return {
    // An address that already is a gRPC target, such as unix:///…, keeps its own resolver.
    target: address.includes("///") ? plainTarget : `${MESH_SCHEME}:///${address.replaceAll(" ", "")}`,
    policyName: POLICY_NAME,
    options: optionsOf({ target: address, ...balance }),
    metadataOf: (metadata, call, streaming) =>
      CallMetadata.copyOf(metadata, { key: keyOf(balance, call), streaming, tried: undefined }),
  };
}

function keyOf({ policy, key = "tenant" }: BalanceSettings, call: KeySource): string | undefined {
  if (policy !== "consistent_hash") return undefined;
  if (call.balanceKey !== undefined) return call.balanceKey;
  const principal = call.principal ?? call.parent?.principal;
  if (key === "call") return undefined;
  return key === "tenant" ? principal?.tenant : principal?.sessionId;
}
