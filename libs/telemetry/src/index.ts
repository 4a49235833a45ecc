export type { Span } from "@opentelemetry/api";
export { createLogger, type Logger } from "./log.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export {
  currentTraceparent,
  endSpan,
  inSpan,
  runWithTraceparent,
  type SpanOptions,
  startDetachedSpan,
  traceparentOf,
} from "./spans.ts";
export { startTracing, type TracingOptions } from "./tracing.ts";
