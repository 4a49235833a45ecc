import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { countSpans } from "./span-counts.ts";

export type TracingOptions = {
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  /** OTLP/HTTP endpoint, for instance http://collector:4318; without one, spans carry context and are not exported. */
  readonly otlpEndpoint?: string | undefined;
  /** For tests: sees every ended span. */
  readonly processors?: readonly SpanProcessor[];
};

/**
 * Starts tracing for the process: W3C context over gRPC and NATS, OTLP export where an endpoint is given.
 *
 * Our own libraries open the spans at both ends of every hop, so nothing is monkey-patched and no instrumentation
 * package is loaded; the exporter is imported only when it is used. The whole of `@opentelemetry/sdk-node` would cost
 * each process 600 ms and 60 MB at start.
 */
export async function startTracing(options: TracingOptions): Promise<AsyncDisposable> {
  const processors: SpanProcessor[] = [countSpans(), ...(options.processors ?? [])];
  if (options.otlpEndpoint) {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    const url = `${options.otlpEndpoint.replace(/\/$/, "")}/v1/traces`;
    processors.push(new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url, timeoutMillis: 5000 }) }));
  }
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      "service.name": options.service,
      "service.version": options.version,
      "deployment.environment.name": options.environment,
    }),
    spanProcessors: processors,
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    async [Symbol.asyncDispose]() {
      await provider.shutdown();
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}
