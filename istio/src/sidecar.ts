import { dataNamespace, hostOf, monitoringNamespace, nameLabel, namespace } from "./installation.ts";
import type { KubeObject } from "./kube-object.ts";
import { calleesOf, servicesWithOutsideCalls } from "./who-calls-whom.ts";

/** A sidecar knows the services its workload calls, the data servers, the collector and the control plane. */
export function sidecar(service: string): KubeObject {
  const infrastructure = [dataNamespace, monitoringNamespace, "istio-system"].map((each) => `${each}/*`);
  const hosts = [...calleesOf(service).map((callee) => `./${hostOf(callee)}`), ...infrastructure];
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: service, namespace },
    spec: {
      workloadSelector: { labels: { [nameLabel]: service } },
      egress: [{ hosts }],
      outboundTrafficPolicy: { mode: servicesWithOutsideCalls.includes(service) ? "ALLOW_ANY" : "REGISTRY_ONLY" },
    },
  };
}
