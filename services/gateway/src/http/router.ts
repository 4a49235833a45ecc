import { AppError } from "@agentmesh/errors";
import type { RoutedMethod } from "../routes.ts";
import { HttpError } from "./http-error.ts";

export type Match = { readonly method: RoutedMethod; readonly captures: Readonly<Record<string, string>> };

type Route = {
  readonly method: RoutedMethod;
  readonly verb: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  /** Literal characters: of two routes that match, the more literal one is meant. */
  readonly weight: number;
};

export type Router = {
  /** @throws HttpError 404 or 405 */
  match(verb: string, path: string): Match;
};

/** The catalog's HTTP rules as a table: `/v1/agents/{agent}:run`. Routes are told apart by their number of segments first. */
export function createRouter(methods: readonly RoutedMethod[]): Router {
  const routes = new Map<number, Route[]>();
  for (const method of methods) {
    if (!method.http) continue;
    const route = compile(method, method.http);
    const depth = depthOf(method.http.path);
    routes.set(
      depth,
      [...(routes.get(depth) ?? []), route].toSorted((a, b) => b.weight - a.weight),
    );
  }
  return {
    match(verb, path) {
      const candidates = (routes.get(depthOf(path)) ?? []).filter((route) => route.pattern.test(path));
      const route = candidates.find((candidate) => candidate.verb === verb);
      if (route) return { method: route.method, captures: capturesOf(route, path) };
      throw candidates.length > 0 ? wrongVerb(verb, path, candidates) : noRoute(path);
    },
  };
}

function depthOf(path: string): number {
  return path.split("/").length;
}

function compile(method: RoutedMethod, { verb, path }: { verb: string; path: string }): Route {
  const names: string[] = [];
  const source = path.replace(/\{(\w+)\}|[.*+?^$()|[\]\\]/g, (match, name: string | undefined) => {
    if (name === undefined) return `\\${match}`;
    names.push(name);
    // A colon starts a verb suffix; in a name it is written %3A.
    return "([^/:]+)";
  });
  return { method, verb, names, pattern: new RegExp(`^${source}$`), weight: path.replace(/\{\w+\}/g, "").length };
}

function capturesOf({ pattern, names }: Route, path: string): Record<string, string> {
  const [, ...values] = pattern.exec(path) ?? [];
  return Object.fromEntries(names.map((name, index) => [name, decoded(values[index] ?? "", name)]));
}

function decoded(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AppError("INVALID_ARGUMENT", `${name} in the path is not valid percent-encoding`, {
      reason: "BAD_PATH",
      field: name,
    });
  }
}

function noRoute(path: string): HttpError {
  const error = new AppError("NOT_FOUND", `nothing is at ${path.slice(0, 200)}; /openapi.json lists what there is`, {
    reason: "NO_ROUTE",
  });
  return new HttpError(404, error);
}

function wrongVerb(verb: string, path: string, candidates: readonly Route[]): HttpError {
  const allow = [...new Set(candidates.map((route) => route.verb))].join(", ");
  const message = `${path.slice(0, 200)} does not take ${verb}; it takes ${allow}`;
  const error = new AppError("UNIMPLEMENTED", message, { reason: "METHOD_NOT_ALLOWED" });
  return new HttpError(405, error, { allow });
}
