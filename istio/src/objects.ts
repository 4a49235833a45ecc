import type { CatalogMethod } from "@agentmesh/proto/catalog";
import { authorizationPolicy } from "./authorization-policy.ts";
import { denyByDefault } from "./deny-by-default.ts";
import { destinationRule } from "./destination-rule.ts";
import { edgeGateway } from "./edge-gateway.ts";
import { keyAsBearer } from "./key-as-bearer.ts";
import type { KubeObject } from "./kube-object.ts";
import { peerAuthentication } from "./peer-authentication.ts";
import type { CanaryPercent } from "./releases.ts";
import { requestAuthentication } from "./request-authentication.ts";
import { requireSignIn } from "./require-sign-in.ts";
import { sidecar } from "./sidecar.ts";
import { telemetry } from "./telemetry.ts";
import { virtualService } from "./virtual-service.ts";
import { serviceNames } from "./who-calls-whom.ts";

/** Every Istio object of the mesh by its path under istio/rendered/. */
export function istioObjects(
  methods: readonly CatalogMethod[],
  canaryPercent: CanaryPercent,
): ReadonlyMap<string, KubeObject> {
  const objects = new Map<string, KubeObject>([
    ["mesh/peer-authentication.yaml", peerAuthentication()],
    ["mesh/deny-by-default.yaml", denyByDefault()],
    ["mesh/telemetry.yaml", telemetry()],
    ["gateway/gateway.yaml", edgeGateway()],
    ["gateway/key-as-bearer.yaml", keyAsBearer()],
    ["gateway/request-authentication.yaml", requestAuthentication()],
    ["gateway/require-sign-in.yaml", requireSignIn(methods)],
  ]);
  for (const service of serviceNames) {
    const folder = `services/${service}`;
    objects.set(`${folder}/authorization-policy.yaml`, authorizationPolicy(service, methods));
    objects.set(`${folder}/destination-rule.yaml`, destinationRule(service));
    objects.set(`${folder}/sidecar.yaml`, sidecar(service));
    objects.set(`${folder}/virtual-service.yaml`, virtualService(service, methods, canaryPercent[service] ?? 0));
  }
  return objects;
}
