import { ingressNamespace, ingressSelector, publicCertificate, publicHost } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";

export const edgeGatewayName = "agentmesh-edge";

/** TLS on 443 for gRPC and HTTP alike; plain HTTP only redirects. */
export function edgeGateway(): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: { name: edgeGatewayName, namespace: ingressNamespace },
    spec: {
      selector: ingressSelector,
      servers: [
        {
          port: { number: 443, name: "https", protocol: "HTTPS" },
          hosts: [publicHost],
          tls: { mode: "SIMPLE", credentialName: publicCertificate, minProtocolVersion: "TLSV1_2" },
        },
        {
          port: { number: 80, name: "http", protocol: "HTTP" },
          hosts: [publicHost],
          tls: { httpsRedirect: true },
        },
      ],
    },
  };
}
