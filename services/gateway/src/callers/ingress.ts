import type { GatewayConfig } from "../config.ts";
import type { Arrived } from "./arrived.ts";
import { type ForwardedElement, readForwarded } from "./forwarded-certificate.ts";

export const FORWARDED_HEADER = "x-forwarded-client-cert";
/** The pod's own sidecar; nobody outside of the pod has such an address. */
const LOOPBACK = /^(::ffff:)?127\.|^::[16]$/;

/** What the hops before us say of each other, and whether the nearest is the ingress. */
export type Hops =
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "hops"; readonly before: readonly ForwardedElement[]; readonly fromIngress: boolean };

/**
 * A header is a claim, and anybody can send one. It counts only where the operator named the ingress, and when it comes
 * from the sidecar of this pod (over loopback), which writes the last element from the mTLS connection that it has itself
 * verified: that says who sent the request. What stands before is that sender's word.
 */
export function readHops({ ingress = "" }: Pick<GatewayConfig, "ingress">, { peer, all, tls }: Arrived): Hops {
  if (ingress === "" || tls) return { kind: "none" };
  const [header, ...more] = all(FORWARDED_HEADER);
  if (header === undefined) return { kind: "none" };
  if (!LOOPBACK.test(peer)) return { kind: "refused", why: "it was not forwarded by the mesh" };
  const elements = more.length === 0 ? readForwarded(header) : undefined;
  const sender = elements?.at(-1);
  if (!elements || !sender) {
    return { kind: "refused", why: `${FORWARDED_HEADER} is not written as the mesh writes it` };
  }
  const fromIngress = sender.uris.length === 1 && sender.uris[0] === ingress;
  return { kind: "hops", before: elements.slice(0, -1), fromIngress };
}
