import { isIP } from "node:net";
import type { GatewayConfig } from "../config.ts";
import type { Arrived } from "./arrived.ts";
import { readHops } from "./ingress.ts";

/** Each proxy appends whom it was called by; the sidecar of a pod does not. */
const HEADER = "x-forwarded-for";

/**
 * Where a caller came from: limits, roles and lock-outs go by it. Behind a sidecar every connection comes from the pod
 * itself, so what the ingress says counts there, and nobody else's word.
 */
export function callerAddress(settings: Pick<GatewayConfig, "ingress">, arrived: Arrived): string {
  const hops = readHops(settings, arrived);
  if (hops.kind !== "hops" || !hops.fromIngress) return arrived.peer;
  // The last is what the ingress wrote; what stands before may be anybody's.
  const caller = arrived.all(HEADER).at(-1)?.split(",").at(-1)?.trim() ?? "";
  return isIP(caller) > 0 ? caller : arrived.peer;
}
