import { gatewayContract } from "@agentmesh/proto/gateway.contract";
import type { Context } from "../context.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { getMesh } from "./get-mesh.ts";

/** A method of the gateway's own. It passes the same pipeline as those it forwards. */
export type LocalHandler = (context: Context, exchange: Exchange) => Promise<unknown>;

export const localHandlers: ReadonlyMap<string, LocalHandler> = new Map([
  [gatewayContract.methods.getMesh.path, getMesh],
]);
