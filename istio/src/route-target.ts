import type { CatalogMethod } from "@agentmesh/proto/catalog";
import { a2aService, a2aTimeoutMs } from "./a2a.ts";
import { callClasses } from "./call-class.ts";
import { grpcPort, httpPort } from "./installation.ts";
import { grpcPatterns, httpPatterns } from "./path-pattern.ts";
import { isPublicSurface } from "./who-calls-whom.ts";

export type PathMatch = {
  readonly uri: { readonly regex: string } | { readonly prefix: string };
  readonly method?: { readonly exact: string };
};

/** What is asked for: some paths, with their port, timeout and retries. Which version answers is a `Decision`. */
export type RouteTarget = {
  readonly name: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  /** Empty: whatever no earlier target took. */
  readonly paths: readonly PathMatch[];
  /** Paths that ask for version 2 of the API by themselves; taken by the version decision. */
  readonly v2Paths: readonly PathMatch[];
};

/** For paths the catalog does not know: health checks, and what an edge serves besides RPCs. */
const restTimeoutMs = 5_000;
/** Long streams over HTTP (Server-Sent Events) end by themselves, not by the ingress. */
const restHttpTimeoutMs = 3_600_000;

function grpcClassTargets(methods: readonly CatalogMethod[]): RouteTarget[] {
  return callClasses(methods).map(({ name, timeoutMs, attempts, methods: members }) => ({
    name: `grpc-${name}`,
    port: grpcPort,
    timeoutMs,
    attempts,
    paths: grpcPatterns(members).map((regex) => ({ uri: { regex } })),
    v2Paths: [],
  }));
}

function httpPaths(methods: readonly CatalogMethod[]): PathMatch[] {
  const forms = methods.flatMap(({ http }) => (http === undefined ? [] : [http]));
  return [...Map.groupBy(forms, (form) => form.verb)].flatMap(([verb, group]) =>
    httpPatterns(group.map((form) => form.path)).map((regex) => ({ uri: { regex }, method: { exact: verb } })),
  );
}

function httpClassTargets(methods: readonly CatalogMethod[]): RouteTarget[] {
  return callClasses(methods.filter((method) => method.http !== undefined)).map(
    ({ name, timeoutMs, attempts, methods: members }) => ({
      name: `http-${name}`,
      port: httpPort,
      timeoutMs,
      attempts,
      paths: httpPaths(members),
      v2Paths: [],
    }),
  );
}

/** Targets inside the mesh: the RPCs a service serves. */
export function meshTargets(service: string, methods: readonly CatalogMethod[]): RouteTarget[] {
  const served = methods.filter((method) => method.service === service);
  return [
    ...grpcClassTargets(served),
    {
      name: "grpc-rest",
      port: grpcPort,
      timeoutMs: restTimeoutMs,
      attempts: 0,
      paths: [],
      v2Paths: [{ uri: { regex: "/agentmesh\\.[a-z]+\\.v2\\..+" } }],
    },
  ];
}

/** Targets at the edge: every public RPC as gRPC and as HTTP. */
export function edgeTargets(methods: readonly CatalogMethod[]): RouteTarget[] {
  const open = methods.filter(isPublicSurface);
  return [
    ...grpcClassTargets(open),
    ...httpClassTargets(open),
    {
      name: "grpc-a2a",
      port: grpcPort,
      timeoutMs: a2aTimeoutMs(open),
      attempts: 0,
      paths: [{ uri: { prefix: `/${a2aService}/` } }],
      v2Paths: [],
    },
    {
      name: "grpc-rest",
      port: grpcPort,
      timeoutMs: restTimeoutMs,
      attempts: 0,
      paths: [{ uri: { prefix: "/agentmesh." } }],
      v2Paths: [{ uri: { regex: "/agentmesh\\.[a-z]+\\.v2\\..+" } }],
    },
    {
      name: "http-rest",
      port: httpPort,
      timeoutMs: restHttpTimeoutMs,
      attempts: 0,
      paths: [],
      v2Paths: [{ uri: { prefix: "/v2/" } }],
    },
  ];
}
