// Parses deploy/rendered as far as the tests look; anything that misses a field they rely on fails here.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";

export const renderedDir = join(import.meta.dirname, "..", "rendered");

const named = z.object({ name: z.string() });
const metadata = z.object({ name: z.string(), namespace: z.literal("agentmesh") });
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const resources = z.object({ cpu: z.string(), memory: z.string() });

const fromSecret = z.object({ secretKeyRef: z.object({ optional: z.boolean().optional() }).optional() });
const variable = named.extend({ valueFrom: fromSecret.optional() });

const container = z.object({
  name: z.string(),
  image: z.string(),
  env: z.array(variable),
  resources: z.object({ requests: resources, limits: resources }),
  securityContext: z.unknown(),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
  lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.int() }) }) }),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() })),
});

const deployment = z.object({
  kind: z.literal("Deployment"),
  metadata,
  spec: z.object({
    replicas: z.undefined().optional(),
    revisionHistoryLimit: z.int(),
    strategy: z.unknown(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      spec: z.object({
        serviceAccountName: z.string(),
        automountServiceAccountToken: z.boolean(),
        terminationGracePeriodSeconds: z.int(),
        securityContext: z.unknown(),
        topologySpreadConstraints: z.array(z.object({ topologyKey: z.string() })),
        containers: z.tuple([container]),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
  }),
});

const service = z.object({
  kind: z.literal("Service"),
  metadata,
  spec: z.object({
    selector: z.record(z.string(), z.string()),
    ports: z.array(z.object({ name: z.string(), port: z.int(), appProtocol: z.string() })).min(1),
  }),
});

const disruptionBudget = z.object({
  kind: z.literal("PodDisruptionBudget"),
  metadata,
  spec: z.object({ minAvailable: z.string() }),
});

const autoscaler = z.object({
  kind: z.literal("HorizontalPodAutoscaler"),
  metadata,
  spec: z.object({
    minReplicas: z.int(),
    maxReplicas: z.int(),
    metrics: z.array(
      z.object({
        containerResource: z.object({
          name: z.string(),
          container: z.string(),
          target: z.object({ averageUtilization: z.int() }),
        }),
      }),
    ),
  }),
});

const selectorTerm = z.object({ values: z.array(z.string()) });
const peer = z.object({ podSelector: z.object({ matchExpressions: z.tuple([selectorTerm]) }).optional() });
const networkPolicy = z.object({
  kind: z.literal("NetworkPolicy"),
  metadata,
  spec: z.object({
    policyTypes: z.array(z.string()),
    ingress: z.array(z.object({ from: z.array(peer).min(1), ports: z.array(z.unknown()).min(1) })),
    egress: z.array(z.object({ to: z.array(peer).min(1), ports: z.array(z.unknown()).min(1) })),
  }),
});

const serviceAccount = z.object({
  kind: z.literal("ServiceAccount"),
  metadata,
  automountServiceAccountToken: z.literal(false),
});

const configMap = z.object({ kind: z.literal("ConfigMap"), metadata, data: z.record(z.string(), z.string()) });

const kubeObject = z.discriminatedUnion("kind", [
  deployment,
  service,
  disruptionBudget,
  autoscaler,
  networkPolicy,
  serviceAccount,
  configMap,
]);

export type Rendered = z.infer<typeof kubeObject>;

/** Objects of a rendered text; a document that is not valid YAML or not one of the known kinds throws. */
export function parseObjects(text: string): Rendered[] {
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return kubeObject.parse(document.toJS());
  });
}

export function objectOf<Kind extends Rendered["kind"]>(
  objects: readonly Rendered[],
  kind: Kind,
): Extract<Rendered, { kind: Kind }> {
  const isWanted = (object: Rendered): object is Extract<Rendered, { kind: Kind }> => object.kind === kind;
  const found = objects.find(isWanted);
  if (found === undefined) throw new Error(`no ${kind} among ${objects.map((object) => object.kind).join()}`);
  return found;
}

/** Every rendered file: environment, service, its objects. */
export function readRendered(): { environment: string; service: string; objects: Rendered[] }[] {
  return readdirSync(renderedDir).flatMap((environment) =>
    readdirSync(join(renderedDir, environment)).map((file) => ({
      environment,
      service: file.replace(/\.yaml$/, ""),
      objects: parseObjects(readFileSync(join(renderedDir, environment, file), "utf8")),
    })),
  );
}
