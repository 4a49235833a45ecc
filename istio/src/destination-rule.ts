import { hostOf, namespace, trackLabel } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";

/** Bounds of what one sidecar sends to one service. A gRPC channel multiplexes, so connections are few. */
const maxConnections = 256;
const maxRequests = 4096;
const maxPendingRequests = 1024;
const maxConcurrentRetries = 64;

/**
 * The stable and canary subsets of a service, least-loaded choice among pods, and ejection of a pod that keeps
 * failing. Envoy counts a gRPC status as the HTTP status it maps to, so outliers are found among HTTP 200 too. At most
 * half of the pods are ejected: beyond that the fault is rarely a pod's.
 */
export function destinationRule(service: string): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: service, namespace },
    spec: {
      host: hostOf(service),
      trafficPolicy: {
        tls: { mode: "ISTIO_MUTUAL" },
        loadBalancer: { simple: "LEAST_REQUEST" },
        connectionPool: {
          tcp: { maxConnections, connectTimeout: "2s", tcpKeepalive: { time: "60s", interval: "15s", probes: 3 } },
          http: {
            http2MaxRequests: maxRequests,
            http1MaxPendingRequests: maxPendingRequests,
            maxRetries: maxConcurrentRetries,
            idleTimeout: "3600s",
          },
        },
        outlierDetection: {
          consecutiveGatewayErrors: 5,
          consecutive5xxErrors: 10,
          interval: "10s",
          baseEjectionTime: "30s",
          maxEjectionPercent: 50,
        },
      },
      subsets: ["stable", "canary"].map((track) => ({ name: track, labels: { [trackLabel]: track } })),
    },
  };
}
