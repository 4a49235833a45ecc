import { ingressNamespace, ingressSelector } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";

/** A bearer that is an API key and no token: the prefix auth gives its keys, and no dot, which every JWT has. */
export const bearerKeyPattern = "^[Bb]earer +(mk_[%w_-]+)$";

const script = `function envoy_on_request(handle)
  local headers = handle:headers()
  local key = string.match(headers:get("authorization") or "", "${bearerKeyPattern}")
  if key then
    headers:replace("x-api-key", key)
    headers:remove("authorization")
  end
end
`;

/**
 * Clients of OpenAI's API send their key as a bearer, which the check of tokens refuses as a broken one: a rule can name
 * other headers, and no values to leave alone. So such a key becomes the `x-api-key` that it is before tokens are looked at.
 */
export function keyAsBearer(): KubeObject {
  const manager = "envoy.filters.network.http_connection_manager";
  return {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: "agentmesh-key-as-bearer", namespace: ingressNamespace },
    spec: {
      workloadSelector: { labels: ingressSelector },
      configPatches: [
        {
          applyTo: "HTTP_FILTER",
          match: {
            context: "GATEWAY",
            listener: {
              filterChain: { filter: { name: manager, subFilter: { name: "envoy.filters.http.jwt_authn" } } },
            },
          },
          patch: {
            operation: "INSERT_BEFORE",
            value: {
              name: "agentmesh.key-as-bearer",
              typed_config: {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                default_source_code: { inline_string: script },
              },
            },
          },
        },
      ],
    },
  };
}
