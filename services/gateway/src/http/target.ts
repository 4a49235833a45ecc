import { AppError } from "@agentmesh/errors";
import { HttpError } from "./http-error.ts";

export type Target = { readonly path: string; readonly query: URLSearchParams };

const MAX_TARGET_CHARS = 8_192;
// A segment of dots, plain or encoded, means another path to whoever resolves it; so do doubled and turned slashes, and
// either of them encoded twice to whoever decodes twice.
const CONFUSING = /\/\/|\\|\/(?:\.|%2e){1,2}(?:\/|$)|%(?:25)*(?:2f|5c|00)|%25(?:25)*2e|[^\x21-\x7e]/i;

/**
 * Path and query of a request as they came. Nothing is resolved or cleaned up: what a proxy before the edge might read in
 * another way is refused, so that rules by path mean the same to both.
 *
 * @throws HttpError 400 (BAD_TARGET)
 */
export function readTarget(url: string | undefined): Target {
  const target = url ?? "";
  const [path = "", ...rest] = target.split("?");
  if (!path.startsWith("/") || target.length > MAX_TARGET_CHARS || CONFUSING.test(path) || target.includes("#")) {
    const message = `the path ${JSON.stringify(path.slice(0, 80))} is not one; it begins with one slash, has no dot segments, and encodes names once`;
    throw new HttpError(400, new AppError("INVALID_ARGUMENT", message, { reason: "BAD_TARGET" }));
  }
  return { path, query: new URLSearchParams(rest.join("?")) };
}
