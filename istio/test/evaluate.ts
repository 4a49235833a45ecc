// Reads the committed YAML and answers as Envoy would: which route a request takes, whether a policy lets it in.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const rendered = join(import.meta.dirname, "..", "rendered");
const strings = z.array(z.string());

const httpRoute = z.strictObject({
  name: z.string(),
  match: z
    .array(
      z.strictObject({
        uri: z.union([z.strictObject({ regex: z.string() }), z.strictObject({ prefix: z.string() })]).optional(),
        method: z.strictObject({ exact: z.string() }).optional(),
        headers: z
          .record(z.string(), z.union([z.strictObject({ exact: z.string() }), z.strictObject({ regex: z.string() })]))
          .optional(),
      }),
    )
    .optional(),
  route: z.array(
    z.strictObject({
      destination: z.strictObject({
        host: z.string(),
        subset: z.enum(["stable", "canary"]),
        port: z.strictObject({ number: z.int() }),
      }),
      weight: z.int(),
    }),
  ),
  timeout: z.templateLiteral([z.number(), "s"]),
  retries: z.strictObject({ attempts: z.int(), retryOn: z.string().optional() }),
});

const virtualService = z.object({
  spec: z.object({ hosts: strings, gateways: strings, http: z.array(httpRoute).min(1) }),
});

const authorizationPolicy = z.object({
  spec: z.object({
    action: z.literal("ALLOW"),
    rules: z.array(
      z.strictObject({
        from: z
          .array(
            z.strictObject({
              source: z.strictObject({ principals: strings.optional(), requestPrincipals: strings.optional() }),
            }),
          )
          .optional(),
        to: z
          .array(
            z.strictObject({
              operation: z.strictObject({
                ports: strings.optional(),
                methods: strings.optional(),
                paths: strings.optional(),
              }),
            }),
          )
          .optional(),
        when: z.array(z.strictObject({ key: z.string(), values: strings })).optional(),
      }),
    ),
  }),
});

const sidecar = z.object({
  spec: z.object({
    egress: z.tuple([z.object({ hosts: strings })]),
    outboundTrafficPolicy: z.object({ mode: z.enum(["ALLOW_ANY", "REGISTRY_ONLY"]) }),
  }),
});

export type Route = z.infer<typeof httpRoute>;
export type Rule = z.infer<typeof authorizationPolicy>["spec"]["rules"][number];
export type Request = {
  readonly path: string;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
};

function read(path: string): unknown {
  return parse(readFileSync(join(rendered, path), "utf8"));
}

export function readRoutes(service: string): Route[] {
  return virtualService.parse(read(`services/${service}/virtual-service.yaml`)).spec.http;
}

export function parseRoutes(object: unknown): Route[] {
  return virtualService.parse(object).spec.http;
}

export function readRules(path: string): Rule[] {
  return authorizationPolicy.parse(read(path)).spec.rules;
}

export function readSidecar(service: string): z.infer<typeof sidecar>["spec"] {
  return sidecar.parse(read(`services/${service}/sidecar.yaml`)).spec;
}

const filter = z.object({
  spec: z.object({
    configPatches: z.tuple([
      z.object({
        match: z.object({
          listener: z.object({
            filterChain: z.object({
              filter: z.object({ subFilter: z.strictObject({ name: z.literal("envoy.filters.http.jwt_authn") }) }),
            }),
          }),
        }),
        patch: z.object({
          operation: z.literal("INSERT_BEFORE"),
          value: z.object({
            typed_config: z.object({ default_source_code: z.strictObject({ inline_string: z.string() }) }),
          }),
        }),
      }),
    ]),
  }),
});

type Headers = Readonly<Record<string, string>>;

/** What the filter before the check of tokens makes of a request's headers. */
export function readBearerKeys(): (headers: Headers) => Headers {
  const [{ patch }] = filter.parse(read("gateway/key-as-bearer.yaml")).spec.configPatches;
  const script = patch.value.typed_config.default_source_code.inline_string;
  const [, pattern = ""] = /string\.match\(headers:get\("authorization"\) or "", "([^"]+)"\)/.exec(script) ?? [];
  // Lua's classes as JavaScript has them.
  const expression = new RegExp(pattern.replaceAll("%w", "A-Za-z0-9"));
  return (headers) => {
    const key = expression.exec(headers.authorization ?? "")?.[1];
    if (key === undefined) return headers;
    const { authorization: _, ...others } = headers;
    return { ...others, "x-api-key": key };
  };
}

function textMatches(text: string | undefined, match: { exact: string } | { regex: string }): boolean {
  if (text === undefined) return false;
  return "exact" in match ? text === match.exact : new RegExp(`^(?:${match.regex})$`).test(text);
}

/** The first route that matches: entries of `match` are alternatives, conditions within one must all hold. */
export function routeOf(routes: readonly Route[], request: Request): Route | undefined {
  return routes.find((route) =>
    (route.match ?? [{}]).some((match) => {
      const { uri, method, headers = {} } = match;
      const path =
        uri === undefined || ("prefix" in uri ? request.path.startsWith(uri.prefix) : textMatches(request.path, uri));
      const verb = method === undefined || method.exact === request.method;
      return (
        path && verb && Object.entries(headers).every(([name, value]) => textMatches(request.headers?.[name], value))
      );
    }),
  );
}

/** A request that holds every `{capture}` of an HTTP path filled. */
export function samplePath(template: string): string {
  return template.replaceAll(/\{[^}]+\}/g, "x-1");
}
