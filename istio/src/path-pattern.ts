// Patterns over paths, in the RE2 syntax Envoy matches whole paths with. The query is not part of what is matched.
import type { CatalogMethod } from "@agentmesh/proto/catalog";

/** Istio refuses a longer pattern (its stand-in for Envoy's bound on a compiled one). */
export const maxPatternLength = 1024;

function escapeLiteral(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Joins alternatives into as few patterns as the bound allows, in their order. */
function alternations(prefix: string, alternatives: readonly string[]): string[] {
  const patterns: string[][] = [];
  let length = maxPatternLength;
  for (const alternative of alternatives) {
    if (length + alternative.length + 1 > maxPatternLength) {
      patterns.push([]);
      length = prefix.length + "()".length;
    }
    patterns.at(-1)?.push(alternative);
    length += alternative.length + 1;
  }
  return patterns.map((members) => `${prefix}(${members.join("|")})`);
}

/** Patterns for gRPC paths, one for each RPC service: `/agentmesh\.auth\.v1\.AuthService/(SignIn|WhoAmI)`. */
export function grpcPatterns(methods: readonly CatalogMethod[]): string[] {
  const byService = Map.groupBy(methods, (method) => method.path.slice(0, method.path.lastIndexOf("/") + 1));
  return [...byService].flatMap(([prefix, group]) =>
    alternations(
      escapeLiteral(prefix),
      group.map((method) => method.name),
    ),
  );
}

/** `/v1/runs/{id}:watch` as a pattern. A capture holds no `/` and no `:`, or GetRun would take WatchRun's paths. */
function httpPattern(template: string): string {
  return template
    .split(/(\{[^}]+\})/)
    .map((part) => (part.startsWith("{") ? "[^/:]+" : escapeLiteral(part)))
    .join("");
}

/** Patterns for HTTP paths of one verb. */
export function httpPatterns(templates: readonly string[]): string[] {
  return alternations("", templates.map(httpPattern));
}
