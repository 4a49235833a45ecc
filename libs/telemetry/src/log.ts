import { context, trace } from "@opentelemetry/api";
import { pino } from "pino";

/** The part of pino that services use. `log.info({ runId }, "run started")`: fields first, then a constant message. */
export type Logger = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
};

export type LogOptions = {
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  /** debug, info, warn or error; default info. */
  readonly level?: string;
};

// Names under which secrets and personal text travel; a log line never shows them.
const REDACTED = [
  "password",
  "token",
  "accessToken",
  "refreshToken",
  "apiKey",
  "secret",
  "authorization",
  "text",
  "input",
  "output",
];

/** A JSON logger on standard output with trace id and span id from the current context. */
export function createLogger(options: LogOptions): Logger {
  return pino({
    level: options.level ?? "info",
    base: { service: options.service, environment: options.environment, version: options.version },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
    serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    mixin() {
      const span = trace.getSpanContext(context.active());
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  });
}
