import { AppError } from "@agentmesh/errors";

export type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every string of a parsed YAML value; `$${` is a literal `${`.
 *
 * A string that is nothing but one reference keeps YAML's idea of the type (`${PORT:-7000}` becomes a number), so
 * that schemas need no coercion. An empty variable counts as unset, as in a shell's `:-`.
 *
 * @throws AppError INVALID_ARGUMENT naming the path and the missing variable
 */
export function interpolate(value: unknown, env: Environment, path = ""): unknown {
  if (typeof value === "string") return interpolateText(value, env, path);
  if (Array.isArray(value)) return value.map((item, index) => interpolate(item, env, `${path}[${index}]`));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, interpolate(item, env, path ? `${path}.${key}` : key)]),
    );
  }
  return value;
}

function interpolateText(text: string, env: Environment, path: string): unknown {
  if (!text.includes("${")) return text;
  let whole = false;
  const result = text.replace(REFERENCE, (match, body: string | undefined) => {
    if (body === undefined) return "${";
    whole = match === text;
    return resolve(body, env, path);
  });
  return whole ? scalar(result) : result;
}

function resolve(body: string, env: Environment, path: string): string {
  const parts = NAME.exec(body);
  if (!parts) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${path}: \${${body}} is not a variable reference; write \${NAME} or \${NAME:-default}`,
      {
        reason: "BAD_VARIABLE",
        field: path,
      },
    );
  }
  const [, name = "", fallback] = parts;
  const found = env[name];
  if (found !== undefined && found !== "") return found;
  if (fallback !== undefined) return fallback;
  throw new AppError(
    "INVALID_ARGUMENT",
    `${path}: the environment variable ${name} is not set; set it, or give a default with \${${name}:-value}`,
    { reason: "MISSING_VARIABLE", field: path },
  );
}

function scalar(text: string): unknown {
  if (text === "true") return true;
  if (text === "false") return false;
  if (/^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(text)) return Number(text);
  return text;
}
