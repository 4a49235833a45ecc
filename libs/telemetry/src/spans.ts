import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

export type SpanOptions = {
  readonly kind?: "client" | "server" | "producer" | "consumer" | "internal";
  /** W3C traceparent of the caller, from a header; the span continues that trace. */
  readonly traceparent?: string | undefined;
  readonly attributes?: Attributes;
};

const KINDS = {
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

const tracer = trace.getTracer("agentmesh");

/** Runs a function inside a span; a rejection marks the span as failed and is passed on. */
export async function inSpan<T>(name: string, options: SpanOptions, run: (span: Span) => Promise<T>): Promise<T> {
  const parent = parentOf(options);
  const span = openSpan(name, options, parent);
  try {
    const result = await context.with(trace.setSpan(parent, span), run, undefined, span);
    endSpan(span);
    return result;
  } catch (error) {
    endSpan(span, error);
    throw error;
  }
}

/** A span that is not the current one, for work whose end is seen elsewhere. End it with `endSpan`. */
export function startDetachedSpan(name: string, options: SpanOptions): Span {
  return openSpan(name, options, parentOf(options));
}

export function endSpan(span: Span, error?: unknown): void {
  if (error !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
  }
  span.end();
}

/** The current span as a W3C traceparent, or undefined outside of any. */
export function currentTraceparent(): string | undefined {
  const span = trace.getSpan(context.active());
  return span && traceparentOf(span);
}

/** A span as a W3C traceparent, for the other side of a call; undefined while tracing is off. */
export function traceparentOf(span: Span): string | undefined {
  const spanContext = span.spanContext();
  if (!isSpanContextValid(spanContext)) return undefined;
  const { traceId, spanId, traceFlags } = spanContext;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** Runs a function as the child of a remote trace without opening a span. */
export function runWithTraceparent<T>(traceparent: string | undefined, run: () => T): T {
  if (!traceparent) return run();
  return context.with(remote(traceparent), run);
}

function openSpan(name: string, options: SpanOptions, parent: Context): Span {
  const kind = KINDS[options.kind ?? "internal"];
  return tracer.startSpan(name, options.attributes ? { kind, attributes: options.attributes } : { kind }, parent);
}

function parentOf(options: SpanOptions): Context {
  return options.traceparent ? remote(options.traceparent) : context.active();
}

function remote(traceparent: string): Context {
  return propagation.extract(ROOT_CONTEXT, { traceparent });
}
