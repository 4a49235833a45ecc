import { z } from "zod";
import type { KubernetesApi } from "./open-api.ts";
import type { Scale } from "./scale.ts";

const quantities = z.object({ cpu: z.string(), memory: z.string() }).partial();
const podMetrics = z.object({
  items: z.array(z.object({ containers: z.array(z.object({ name: z.string(), usage: quantities })) })),
});
const deploymentSchema = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({ name: z.string(), resources: z.object({ requests: quantities.prefault({}) }).prefault({}) }),
        ),
      }),
    }),
  }),
});

export type Usage = { readonly cpuPercent?: number; readonly memoryPercent?: number };

/**
 * What the container that is named like its Deployment uses of what it asks for, the mean over pods, from the metrics
 * API. Sidecars are not counted. A figure is left out when no pod reports it or the container asks for nothing.
 */
export async function readUsage(api: KubernetesApi, deployment: string, scale: Scale): Promise<Usage> {
  const at = `namespaces/${api.namespace}`;
  const selector = encodeURIComponent(scale.status.selector);
  const [metrics, declared] = await Promise.all([
    api.get(`/apis/metrics.k8s.io/v1beta1/${at}/pods?labelSelector=${selector}`),
    api.get(`/apis/apps/v1/${at}/deployments/${encodeURIComponent(deployment)}`),
  ]);
  const { containers } = deploymentSchema.parse(declared).spec.template.spec;
  const requests = containers.find(({ name }) => name === deployment)?.resources.requests ?? {};
  const used = podMetrics
    .parse(metrics)
    .items.flatMap((pod) => pod.containers.filter(({ name }) => name === deployment).map(({ usage }) => usage));
  const cpuPercent = meanPercent(
    used.map((usage) => usage.cpu),
    requests.cpu,
  );
  const memoryPercent = meanPercent(
    used.map((usage) => usage.memory),
    requests.memory,
  );
  return { ...(cpuPercent !== undefined && { cpuPercent }), ...(memoryPercent !== undefined && { memoryPercent }) };
}

function meanPercent(used: readonly (string | undefined)[], asked: string | undefined): number | undefined {
  const known = used.filter((text) => text !== undefined).map(readQuantity);
  const request = asked === undefined ? 0 : readQuantity(asked);
  if (known.length === 0 || request === 0) return undefined;
  return (100 * known.reduce((sum, value) => sum + value, 0)) / known.length / request;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** A Kubernetes quantity as a number: `250m` is 0.25, `64Mi` is 67108864. */
export function readQuantity(text: string): number {
  const [, digits, unit] = /^([0-9.]+(?:e[0-9]+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = UNITS[unit ?? ""];
  if (digits === undefined || factor === undefined) {
    throw new Error(`"${text}" is no quantity; expected for instance 250m or 64Mi`);
  }
  return Number(digits) * factor;
}
