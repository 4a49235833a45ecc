import { namespace } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";

/** Share of traces the sidecars start themselves; a sampled parent is always followed. */
const samplingPercent = 10;

/**
 * Traces to the provider `agentmesh-otel` of the mesh configuration, and access logs of failures only. A failed gRPC
 * call is an HTTP 200, so the filter looks at the gRPC status as well.
 */
export function telemetry(): KubeObject {
  return {
    apiVersion: "telemetry.istio.io/v1",
    kind: "Telemetry",
    metadata: { name: "default", namespace },
    spec: {
      tracing: [{ providers: [{ name: "agentmesh-otel" }], randomSamplingPercentage: samplingPercent }],
      accessLogging: [
        {
          providers: [{ name: "envoy" }],
          filter: { expression: "response.code >= 400 || (has(response.grpc_status) && response.grpc_status != 0)" },
        },
      ],
    },
  };
}
