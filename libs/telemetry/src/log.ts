import { context, trace } from "@opentelemetry/api";
import { pino } from "pino";
import { hideSecrets } from "./hide-secrets.ts";

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

/** A JSON logger on standard output with trace id and span id from the current context, and without secrets. */
export function createLogger(options: LogOptions): Logger {
  const logger = pino({
    level: options.level ?? "info",
    base: { service: options.service, environment: options.environment, version: options.version },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: hideSecrets },
    mixin() {
      const span = trace.getSpanContext(context.active());
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  });
  const { child } = logger;
  // pino writes a child's fields without asking a formatter. Children inherit this one from the logger.
  return Object.assign(logger, {
    child(this: pino.Logger, fields: object): Logger {
      return child.call(this, hideSecrets({ ...fields }));
    },
  });
}
