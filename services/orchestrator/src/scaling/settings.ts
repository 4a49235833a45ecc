import { z } from "zod";

const percent = z.number().min(0).max(1000);
const weight = z.number().min(0).max(100);

/** Around its target a figure counts for nothing; at `down.busyPercent` or less it counts −weight, at 100 % +weight. */
const around = (target: number, most: number) =>
  z.strictObject({ target: z.number().min(1).max(99).default(target), weight: weight.default(most) }).prefault({});

/** The figures by which a deployment is scaled. */
export const scalingPolicy = z
  .strictObject({
    minReplicas: z.int().min(1).default(2),
    maxReplicas: z.int().min(1).default(20),
    /** After a change of replicas, whoever made it, nothing changes for this long. */
    cooldownS: z.int().min(0).default(300),
    up: z
      .strictObject({
        busyPercent: percent.default(85),
        queue: z.number().min(0).default(10),
        replicas: z.int().min(1).default(2),
      })
      .prefault({}),
    down: z
      .strictObject({
        busyPercent: percent.default(30),
        queue: z.number().min(0).default(2),
        replicas: z.int().min(1).default(1),
        /** Down only when the peaks of this long ask for it, in seconds: one quiet moment is no reason. */
        afterS: z.int().min(0).max(3600).default(300),
      })
      .prefault({}),
    score: z
      .strictObject({
        upOver: z.number().default(2),
        downUnder: z.number().default(-5),
        cpu: around(70, 3),
        memory: around(80, 2),
        queue: z
          .strictObject({
            over: z.number().default(100),
            overWeight: weight.default(2),
            under: z.number().default(10),
            underWeight: weight.default(1),
          })
          .prefault({}),
        latency: z
          .strictObject({
            overMs: z.number().default(1000),
            overWeight: weight.default(1),
            underMs: z.number().default(200),
            underWeight: weight.default(0.5),
          })
          .prefault({}),
        /** Of one replica. */
        connections: z.strictObject({ over: z.number().default(1000), overWeight: weight.default(1) }).prefault({}),
        errors: z.strictObject({ overPercent: percent.default(5), overWeight: weight.default(1) }).prefault({}),
      })
      .prefault({}),
  })
  .refine((policy) => policy.minReplicas <= policy.maxReplicas, { error: "minReplicas must not be over maxReplicas" })
  // Without a gap between them a load in the middle would be scaled up and down for ever.
  .refine((policy) => policy.down.busyPercent < policy.up.busyPercent && policy.down.queue <= policy.up.queue, {
    error: "the thresholds of down must be under those of up",
  });

export type ScalingPolicy = z.infer<typeof scalingPolicy>;

export const scalingSettings = z.strictObject({
  /** off: nothing is looked at. plan: decisions are logged and exported. apply: and carried out, where there is a cluster. */
  mode: z.enum(["off", "plan", "apply"]).default("plan"),
  everyMs: z.int().min(10).default(15_000),
  runner: z
    .strictObject({
      deployment: z.string().min(1).default("agent-runner"),
      /** Steps that one runner works on at a time, as its own configuration says. */
      placesPerReplica: z.int().min(1).default(256),
      policy: scalingPolicy.prefault({}),
    })
    .prefault({}),
  orchestrator: z
    .strictObject({ deployment: z.string().min(1).default("orchestrator"), policy: scalingPolicy.prefault({}) })
    .prefault({}),
  kubernetes: z
    .strictObject({
      /** Empty: there is no cluster. */
      host: z.string().default(""),
      port: z.int().min(1).max(65_535).default(443),
      /** Holds token, ca.crt and namespace. */
      accountDir: z.string().default("/var/run/secrets/kubernetes.io/serviceaccount"),
      /** A call to the API server in all, its retries aside. */
      timeoutMs: z.int().min(10).default(5000),
    })
    .prefault({}),
});

export type ScalingSettings = z.infer<typeof scalingSettings>;
