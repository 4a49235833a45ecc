// A Kubernetes API server as far as scaling asks it: HTTPS, bearer tokens, Scale with resourceVersion, the lists of
// autoscalers, pod metrics, and every way to go wrong that its contract names.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { ScalingSettings } from "../src/scaling/settings.ts";
import { makeCertificate } from "./scaling-certificate.fixture.ts";

export type Fault =
  | { readonly status: 401 | 403 | 404 | 409 | 410 | 500 | 503 }
  | { readonly status: 429; readonly retryAfterS: number }
  | { readonly slow: true }
  | { readonly cut: "before" | "after" | "in-the-body" };

export type DeploymentState = { replicas: number; version: number; cpu: string; memory: string };

export type KubernetesFixture = AsyncDisposable & {
  readonly settings: ScalingSettings["kubernetes"];
  /** `GET /path` and `PUT /path`, in order. */
  readonly calls: string[];
  readonly deployments: Map<string, DeploymentState>;
  /** Deployments with a HorizontalPodAutoscaler or a ScaledObject. */
  readonly autoscaled: { hpa: string[]; keda: string[] | undefined };
  /** The next call of this method is answered so. */
  fail(method: "GET" | "PUT", fault: Fault): void;
  /** The kubelet replaces the token; the server takes only the new one. */
  rotateToken(): Promise<void>;
  /** Runs before a PUT is judged: somebody else was faster. */
  beforePut: (() => void) | undefined;
  /** Runs before a GET is answered. */
  beforeGet: (() => Promise<void>) | undefined;
};

const scaleBody = z.object({
  apiVersion: z.literal("autoscaling/v1"),
  kind: z.literal("Scale"),
  metadata: z.object({ name: z.string(), namespace: z.literal("agentmesh"), resourceVersion: z.string() }),
  spec: z.object({ replicas: z.int().min(0) }),
});

const REASONS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
};

export async function startKubernetes(timeoutMs = 2000): Promise<KubernetesFixture> {
  const { key, cert } = makeCertificate(Date.now());
  const accountDir = await mkdtemp(join(tmpdir(), "agentmesh-account-"));
  const account = { token: "token-0" };
  await writeFile(join(accountDir, "ca.crt"), cert);
  await writeFile(join(accountDir, "namespace"), "agentmesh");
  await writeFile(join(accountDir, "token"), `${account.token}\n`);
  const faults: PlannedFault[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    void answer(fixture, account, faults, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const fixture: KubernetesFixture = {
    settings: { host: "127.0.0.1", port, accountDir, timeoutMs },
    calls: [],
    deployments: new Map(),
    autoscaled: { hpa: [], keda: [] },
    beforePut: undefined,
    beforeGet: undefined,
    fail: (method, fault) => void faults.push({ method, fault }),
    async rotateToken() {
      account.token = `${account.token}0`;
      await writeFile(join(accountDir, "token"), account.token);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(accountDir, { recursive: true, force: true });
    },
  };
  return fixture;
}

type PlannedFault = { readonly method: string; readonly fault: Fault };

async function answer(
  fixture: KubernetesFixture,
  account: { readonly token: string },
  faults: PlannedFault[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "", url = "" } = request;
  fixture.calls.push(`${method} ${url.split("?")[0]}`);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  if (method === "GET") await fixture.beforeGet?.();
  const index = faults.findIndex((entry) => entry.method === method);
  const fault = index < 0 ? undefined : faults.splice(index, 1)[0]?.fault;
  if (fault && "slow" in fault) return;
  const cut = fault && "cut" in fault ? fault.cut : undefined;
  if (cut === "before") return void response.destroy();
  if (fault && "status" in fault) {
    if (fault.status === 429) response.setHeader("retry-after", String(fault.retryAfterS));
    return refuse(response, fault.status);
  }
  if (request.headers.authorization !== `Bearer ${account.token}`) return refuse(response, 401);
  const [status, body] = route(fixture, method, url, Buffer.concat(chunks).toString("utf8"));
  if (cut === "after") return void response.destroy();
  if (status !== 200) return refuse(response, status);
  const text = JSON.stringify(body);
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  if (cut === "in-the-body") return void response.write(text.slice(0, 10), () => response.destroy());
  response.end(text);
}

function route(fixture: KubernetesFixture, method: string, url: string, text: string): [number, object] {
  const { deployments, autoscaled } = fixture;
  const { pathname, searchParams } = new URL(url, "https://kubernetes");
  if (pathname.endsWith("/horizontalpodautoscalers")) return [200, owners(autoscaled.hpa, "Deployment")];
  if (pathname.endsWith("/scaledobjects")) {
    // KEDA's own default: no kind means Deployment.
    return autoscaled.keda ? [200, owners(autoscaled.keda, undefined)] : [404, {}];
  }
  if (pathname.startsWith("/apis/metrics.k8s.io/v1beta1/")) {
    const name = searchParams.get("labelSelector")?.split("=")[1] ?? "";
    return [200, podMetrics(name, deployments.get(name))];
  }
  const [, name = "", sub = ""] = /\/namespaces\/agentmesh\/deployments\/([^/]+)(\/scale)?$/.exec(pathname) ?? [];
  const deployment = deployments.get(name);
  if (!deployment) return [404, {}];
  if (sub === "") return [200, declared(name)];
  if (method === "GET") return [200, scaleOf(name, deployment)];
  if (method !== "PUT") return [404, {}];
  fixture.beforePut?.();
  const { metadata, spec } = scaleBody.parse(JSON.parse(text));
  if (metadata.resourceVersion !== String(deployment.version)) return [409, {}];
  deployment.replicas = spec.replicas;
  deployment.version++;
  return [200, scaleOf(name, deployment)];
}

function scaleOf(name: string, { replicas, version }: DeploymentState): object {
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace: "agentmesh", resourceVersion: String(version), uid: "x" },
    // As the server writes it: a zero is left out.
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas, selector: `app.kubernetes.io/name=${name}` },
  };
}

function podMetrics(name: string, deployment: DeploymentState | undefined): object {
  const containers = [
    { name: "istio-proxy", usage: { cpu: "9", memory: "9Gi" } },
    { name, usage: { cpu: deployment?.cpu, memory: deployment?.memory } },
  ];
  return { items: Array.from({ length: deployment?.replicas ?? 0 }, () => ({ containers })) };
}

function refuse(response: ServerResponse, code: number): void {
  const status = {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason: REASONS[code] ?? "InternalError",
    code,
  };
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(status));
}

function owners(names: readonly string[], kind: string | undefined): object {
  const items = names.map((name) => ({
    metadata: { name: `${name}-scaler` },
    spec: { scaleTargetRef: { ...(kind && { kind }), name } },
  }));
  return { items };
}

function declared(name: string): object {
  const containers = [
    { name: "istio-proxy", resources: {} },
    { name, resources: { requests: { cpu: "500m", memory: "256Mi" } } },
  ];
  return { spec: { template: { spec: { containers } } } };
}
