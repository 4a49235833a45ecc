import { namespace } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";

/** Nothing in the namespace accepts a connection without a mesh certificate. */
export function peerAuthentication(): KubeObject {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name: "default", namespace },
    spec: { mtls: { mode: "STRICT" } },
  };
}
