import { pino } from "pino";

// Names under which secrets and personal text travel, in lower case without "-" and "_"; a log line never shows them.
const HIDDEN = new Set([
  "password",
  "token",
  "accesstoken",
  "refreshtoken",
  "apikey",
  "xapikey",
  "secret",
  "clientsecret",
  "authorization",
  "cookie",
  "setcookie",
  "xmeshworkload",
  "text",
  "input",
  "output",
  // Where PostgreSQL quotes the row that it refused.
  "detail",
]);
const MAX_DEPTH = 8;

/** A copy of log fields with secrets replaced, at any depth up to a bound beyond which nothing is shown. */
export function hideSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  return hideMembers(fields, 0);
}

function hideMembers(fields: object, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    shown[name] = isHidden(name) ? "[redacted]" : hide(value, depth + 1);
  }
  return shown;
}

function hide(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== "object" || "toJSON" in value) return value;
  if (depth > MAX_DEPTH) return "[too deep]";
  if (Array.isArray(value)) return value.map((item) => hide(item, depth + 1));
  return hideMembers(value instanceof Error ? pino.stdSerializers.err(value) : value, depth);
}

function isHidden(name: string): boolean {
  return HIDDEN.has(name) || HIDDEN.has(name.toLowerCase().replaceAll(/[-_]/g, ""));
}
