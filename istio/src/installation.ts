// Where the mesh lives in a cluster. One cluster holds one environment, so that these names are the same in all.

export const namespace = "agentmesh";
/** Holds the Services (or ServiceEntries) of PostgreSQL, NATS and Redis. */
export const dataNamespace = "agentmesh-data";
/** Holds the trace collector. */
export const monitoringNamespace = "monitoring";
export const ingressNamespace = "istio-ingress";
export const ingressServiceAccount = "istio-ingressgateway";
export const ingressSelector = { istio: "ingressgateway" };
export const trustDomain = "cluster.local";

/** What callers outside the cluster dial. */
export const publicHost = "agentmesh.example.com";
/** The Secret with the certificate of `publicHost`, in the ingress namespace. */
export const publicCertificate = "agentmesh-edge-tls";

/** `iss` of access tokens as auth writes it, and the audiences the gateway admits: itself and the whole mesh. */
export const tokenIssuer = "agentmesh";
export const tokenAudiences: readonly string[] = ["gateway", "mesh"];

export const grpcPort = 7000;
export const httpPort = 7080;

/** The label that tells a canary's pods from the stable version's. */
export const trackLabel = "agentmesh.io/track";
export const nameLabel = "app.kubernetes.io/name";

export function hostOf(service: string): string {
  return `${service}.${namespace}.svc.cluster.local`;
}

/** The identity in a workload's mTLS certificate. */
export function principalOf(service: string): string {
  return `${trustDomain}/ns/${namespace}/sa/${service}`;
}

export const ingressPrincipal = `${trustDomain}/ns/${ingressNamespace}/sa/${ingressServiceAccount}`;
