import { stringify } from "yaml";
import { publishersConf } from "./names.ts";
import type { Publisher } from "./publisher.ts";
import { renderPublishers } from "./render-publishers.ts";

/** A Secret with publishers.yaml and publishers.conf, as `kubectl apply -f -` takes it. */
export function publishersSecret(
  namespace: string,
  name: string,
  yaml: string,
  publishers: readonly Publisher[],
): string {
  const stringData = { "publishers.yaml": yaml, [publishersConf]: renderPublishers(publishers) };
  return kubernetesManifest("Secret", namespace, name, { type: "Opaque", stringData });
}

/** An object of NATS's, with the labels that all of them have. */
export function kubernetesManifest(kind: string, namespace: string, name: string, content: object): string {
  const labels = { "app.kubernetes.io/part-of": "agentmesh", "app.kubernetes.io/component": "nats" };
  return stringify({ apiVersion: "v1", kind, metadata: { name, namespace, labels }, ...content }, { lineWidth: 0 });
}
