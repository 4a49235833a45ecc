import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogMethods } from "@agentmesh/proto/catalog";
import { maxPatternLength } from "../src/path-pattern.ts";
import { virtualService } from "../src/virtual-service.ts";
import { edgeService, isPublicSurface, serviceNames } from "../src/who-calls-whom.ts";
import { parseRoutes, type Route, readRoutes, routeOf, samplePath } from "./evaluate.ts";

const routesOf = new Map(serviceNames.map((service) => [service, readRoutes(service)]));
const meshMethods = catalogMethods.filter((method) => method.service !== edgeService);

function take(service: string, path: string, headers: Record<string, string> = {}, method = "POST"): Route {
  const route = routeOf(routesOf.get(service) ?? [], { path, method, headers });
  assert.ok(route, `${service}: no route for ${method} ${path}`);
  return route;
}

function tracksOf(route: Route): string[] {
  return route.route.map((entry) => entry.destination.subset);
}

test("every RPC has the timeout of its contract, inside the mesh and at the edge", () => {
  for (const method of meshMethods) {
    assert.equal(take(method.service, method.path).timeout, `${method.timeoutMs / 1000}s`, method.path);
  }
  for (const method of catalogMethods.filter(isPublicSurface)) {
    assert.equal(take(edgeService, method.path).timeout, `${method.timeoutMs / 1000}s`, method.path);
    if (method.http === undefined) continue;
    const route = take(edgeService, samplePath(method.http.path), {}, method.http.verb);
    assert.equal(route.timeout, `${method.timeoutMs / 1000}s`, `${method.http.verb} ${method.http.path}`);
  }
});

test("no RPC with an effect is ever repeated, whichever version answers", () => {
  const ways = [{}, { "x-mesh-canary": "always" }, { "x-mesh-canary": "never" }, { "x-api-version": "2" }];
  for (const method of catalogMethods.filter((each) => each.idempotency === "EFFECT")) {
    for (const headers of ways) {
      const routes = [take(edgeService, method.path, headers)];
      if (method.http) routes.push(take(edgeService, samplePath(method.http.path), headers, method.http.verb));
      if (method.service !== edgeService) routes.push(take(method.service, method.path, headers));
      for (const route of routes) assert.deepEqual(route.retries, { attempts: 0 }, `${method.path} in ${route.name}`);
    }
  }
});

test("reads and idempotent RPCs are repeated on failures that precede the work, never because the server is slow", () => {
  for (const method of meshMethods.filter((each) => each.idempotency !== "EFFECT")) {
    const { attempts, retryOn = "" } = take(method.service, method.path).retries;
    assert.equal(attempts, 2, method.path);
    assert.ok(retryOn.split(",").includes("unavailable"), method.path);
    assert.ok(!/5xx|gateway-error|deadline-exceeded|cancelled/.test(retryOn), retryOn);
  }
});

test("every route states its retries: Istio repeats twice where nothing is said", () => {
  for (const [service, routes] of routesOf) {
    for (const route of routes) assert.ok(Number.isInteger(route.retries.attempts), `${service} ${route.name}`);
  }
});

test("what the caller asks for wins over the version header, and that over the share", () => {
  for (const service of serviceNames.filter((name) => name !== edgeService)) {
    const path = meshMethods.find((method) => method.service === service)?.path ?? "";
    assert.deepEqual(tracksOf(take(service, path, { "x-mesh-canary": "always" })), ["canary"]);
    assert.deepEqual(tracksOf(take(service, path, { "x-mesh-canary": "never", "x-api-version": "2" })), ["stable"]);
    assert.deepEqual(tracksOf(take(service, path, { "x-api-version": "2" })), ["canary"]);
    assert.deepEqual(tracksOf(take(service, path, { "x-api-version": "v2" })), ["canary"]);
    assert.deepEqual(tracksOf(take(service, path, { "x-api-version": "1" })), ["stable"]);
    assert.deepEqual(tracksOf(take(service, path)), ["stable"]);
  }
});

test("a path of version 2 asks for it by itself, as HTTP and as gRPC", () => {
  assert.deepEqual(tracksOf(take(edgeService, "/v2/runs", {}, "GET")), ["canary"]);
  assert.equal(take(edgeService, "/v2/runs", {}, "GET").route[0]?.destination.port.number, 7080);
  assert.deepEqual(tracksOf(take("auth", "/agentmesh.auth.v2.AuthService/SignIn")), ["canary"]);
  assert.deepEqual(tracksOf(take(edgeService, "/v2/runs", { "x-mesh-canary": "never" }, "GET")), ["stable"]);
});

test("with a canary under way a stamped run keeps its version and the rest is split by weight", () => {
  const routes = parseRoutes(virtualService("auth", catalogMethods, 20));
  const path = "/agentmesh.auth.v1.AuthService/WhoAmI";
  const taken = (headers: Record<string, string>) => routeOf(routes, { path, method: "POST", headers })?.route ?? [];
  const shares = (headers: Record<string, string>) =>
    taken(headers).map((entry) => `${entry.destination.subset} ${entry.weight}`);
  assert.deepEqual(shares({ "x-mesh-track": "canary" }), ["canary 100"]);
  assert.deepEqual(shares({ "x-mesh-track": "stable" }), ["stable 100"]);
  assert.deepEqual(shares({ "x-mesh-track": "canary", "x-mesh-canary": "never" }), ["stable 100"]);
  assert.deepEqual(shares({}), ["stable 80", "canary 20"]);
});

test("after a rollback a stamp that is still in flight leads to the stable version", () => {
  const routes = parseRoutes(virtualService("auth", catalogMethods, 0));
  const route = routeOf(routes, { path: "/x", method: "POST", headers: { "x-mesh-track": "canary" } });
  assert.deepEqual(route && tracksOf(route), ["stable"]);
});

test("gRPC and HTTP at the edge go to their own ports, also for paths the catalog does not know", () => {
  const portOf = (path: string, method: string) =>
    take(edgeService, path, {}, method).route[0]?.destination.port.number;
  assert.equal(portOf("/agentmesh.auth.v1.AuthService/SignIn", "POST"), 7000);
  assert.equal(portOf("/agentmesh.auth.v1.AuthService/Unknown", "POST"), 7000);
  assert.equal(portOf("/lf.a2a.v1.A2AService/SendStreamingMessage", "POST"), 7000);
  assert.equal(portOf("/v1/auth/sign-in", "POST"), 7080);
  assert.equal(portOf("/openapi.json", "GET"), 7080);
});

test("a message of A2A over gRPC has the time of a run, and is never repeated", () => {
  const runMs = catalogMethods.find(({ name }) => name === "RunAgent")?.timeoutMs ?? 0;
  const { timeout, retries } = take(edgeService, "/lf.a2a.v1.A2AService/SendMessage");
  assert.ok(Number.parseFloat(timeout) * 1_000 >= runMs);
  assert.deepEqual(retries, { attempts: 0 });
});

test("every pattern stays within the length Istio admits", () => {
  for (const routes of routesOf.values()) {
    for (const match of routes.flatMap((route) => route.match ?? [])) {
      if (match.uri && "regex" in match.uri) assert.ok(match.uri.regex.length <= maxPatternLength, match.uri.regex);
    }
  }
});
