import type { Metrics } from "@agentmesh/telemetry";
import type { Exchange } from "./pipeline/exchange.ts";

export type Edge = {
  /** A request is over; `code` is OK or the error's. */
  ended(exchange: Exchange, code: string): void;
};

export function edgeMetrics(metrics: Metrics): Edge {
  const durations = metrics.histogram(
    "agentmesh_gateway_request_duration_seconds",
    "Time of a request at the edge; for streams, until their end",
    ["surface", "method", "code"],
  );
  const refusals = metrics.counter("agentmesh_gateway_refused_total", "Requests that a stage turned away", [
    "stage",
    "code",
  ]);
  return {
    ended({ surface, method, startedAt, failedAt }, code) {
      durations.observe({ surface, method: method.path, code }, (Date.now() - startedAt.getTime()) / 1000);
      if (failedAt !== undefined && failedAt !== "route") refusals.inc({ stage: failedAt, code });
    },
  };
}
