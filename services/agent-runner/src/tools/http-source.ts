import { AppError } from "@agentmesh/errors";
import type { Tool } from "../domain/tool.ts";
import type { ToolSource } from "../domain/tool-spec.ts";
import { assertMayKnowCaller, type HttpCaller, type HttpEffect, sendHttp } from "./http-send.ts";
import { encodePathArgument } from "./url-arguments.ts";

type HttpSource = Extract<ToolSource, { type: "http" }>;

const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_]{0,63})\}/g;

/**
 * A call of the one declared URL. Arguments fill `{placeholders}` in path and query, encoded; the others are the JSON
 * body, or are left out where the method has none. Redirects are not followed.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_URL) when the URL is not one, or an argument could change its host
 */
export function compileHttpSource(source: HttpSource, http: HttpCaller, effect: HttpEffect): Tool["run"] {
  const declared = parseDeclared(source.url);
  http.assertAllowed(declared);
  assertMayKnowCaller(http, declared, source.passIdentity);
  const { method, headers, passIdentity } = source;
  const hasBody = method !== "GET" && method !== "DELETE";

  return (args, context) => {
    const used = new Set<string>();
    const filled = source.url.replace(PLACEHOLDER, (_, name: string) => {
      used.add(name);
      return encodePathArgument(name, args[name]);
    });
    const url = new URL(filled);
    if (url.origin !== declared.origin) throw badUrl(source.url, "its arguments changed its host");
    const rest = Object.entries(args).filter(([name]) => !used.has(name));
    const body = hasBody ? Object.fromEntries(rest) : undefined;
    return sendHttp(http, { method, url, headers, body, passIdentity, ...effect(method) }, context);
  };
}

function parseDeclared(template: string): URL {
  const sample = template.replace(PLACEHOLDER, "0");
  const url = URL.canParse(sample) ? new URL(sample) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw badUrl(template, "it is not an http(s) URL");
  const origin = /^https?:\/\/[^/?#]*/i.exec(template)?.[0] ?? "";
  if (origin.includes("{") || url.username !== "" || url.password !== "") {
    throw badUrl(template, "placeholders and credentials may not stand in its host");
  }
  return url;
}

function badUrl(url: string, why: string): AppError {
  return new AppError("INVALID_ARGUMENT", `spec.source.url ${JSON.stringify(url.slice(0, 120))}: ${why}`, {
    reason: "BAD_URL",
    field: "spec.source.url",
  });
}
