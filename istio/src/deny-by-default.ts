import { namespace } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";

/** An ALLOW policy without rules matches no request: what no other policy allows is refused. */
export function denyByDefault(): KubeObject {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "deny-by-default", namespace },
    spec: {},
  };
}
