export { createLogger, type Logger } from "./log.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export {
  currentTraceparent,
  endSpan,
  inSpan,
  runWithTraceparent,
  type SpanOptions,
  startDetachedSpan,
} from "./spans.ts";
export { startTracing, type TracingOptions } from "./tracing.ts";
