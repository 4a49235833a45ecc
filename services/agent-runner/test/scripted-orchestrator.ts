import { type Bus, connectBus } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { newId, sha256Hex } from "@agentmesh/ids";
import { StepDispatched, type StepRef, type StepResult, type StepWork } from "@agentmesh/proto/orchestrator";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { serveFake, type TestMesh, type TestMeshOptions } from "./mesh.ts";

type Kind = NonNullable<StepWork["work"]>;

type Scripted = {
  readonly ref: StepRef;
  readonly work: Kind;
  readonly key: string;
  readonly leaseMs: number;
  attempt: number;
  /** Which worker has it. */
  worker: string;
  result: StepResult["result"];
};

/** An orchestrator at the wire that gives steps away by epochs, as the test says. */
export type ScriptedOrchestrator = {
  readonly serve: NonNullable<TestMeshOptions["orchestrator"]>;
  /** A step that nobody has yet; resolves when a worker has claimed it. */
  give(work: Kind, options?: { leaseMs?: number; before?: (key: string) => Promise<void> }): Promise<Scripted>;
  /** Its lease is over: whoever claims next has it. */
  giveAgain(step: Scripted, more?: { attempt: number }): Promise<void>;
  resultOf(step: Scripted): Promise<NonNullable<StepResult["result"]>>;
  /** Results of workers that no longer had the step. */
  readonly refused: StepResult[];
  /** While it stands claims are granted, and their replies wait. */
  hold: Promise<void> | undefined;
};

export function scriptOrchestrator(stack: AsyncDisposableStack, meshOf: () => TestMesh): ScriptedOrchestrator {
  const steps = new Map<string, Scripted>();
  const refused: StepResult[] = [];
  let bus: Bus | undefined;
  let hold: Promise<void> | undefined;

  function workOf({ key, work, attempt, leaseMs }: Scripted): Partial<StepWork> {
    const common = { tenant: "acme", subject: "user:ada", workflow: "w", labels: {}, timeoutMs: 60_000 };
    return { ...common, work, attempt, idempotencyKey: key, leaseMs };
  }

  function find(ref: StepRef | undefined): Scripted | undefined {
    const step = ref && steps.get(ref.runId);
    return step?.ref.epoch === ref?.epoch ? step : undefined;
  }

  async function publish(step: Scripted): Promise<void> {
    const { environment } = meshOf();
    const log = createLogger({ service: "orchestrator", environment: "test", version: "0", level: "error" });
    bus ??= stack.use(
      await connectBus({ url: environment.natsUrl, service: "orchestrator", log, metrics: createMetrics({}) }),
    );
    const { js } = bus;
    const isClaimed = async () => {
      if (step.worker !== "") return true;
      // A message may be with a worker that is dead or frozen.
      await js.publish("wf.step.acme", StepDispatched.encode(step.ref).finish());
      return false;
    };
    await eventually(isClaimed, { what: "a worker to claim the step", timeoutMs: 30_000 });
  }

  return {
    async serve(environment) {
      const port = await serveFake(stack, environment, "orchestrator", orchestratorContract, {
        async claimSteps({ worker, steps: asked }) {
          const claims = asked.map((ref) => {
            const step = find(ref);
            if (step?.worker !== "") return { step: ref, granted: false };
            step.worker = worker;
            return { step: ref, granted: true, work: workOf(step) };
          });
          await hold;
          return { claims };
        },
        async heartbeatSteps({ worker, steps: asked }) {
          return { stop: asked.filter((ref) => find(ref)?.worker !== worker) };
        },
        async completeSteps({ worker, results }) {
          const accepted = results.map((result) => {
            const step = find(result.step);
            const isTheirs = step?.worker === worker && step.result === undefined;
            if (isTheirs) step.result = result.result;
            else refused.push(result);
            return isTheirs;
          });
          return { accepted };
        },
      });
      return `127.0.0.1:${port}`;
    },
    async give(work, { leaseMs = 30_000, before } = {}) {
      const ref = { runId: newId(), node: "only", shard: 0, epoch: 1 };
      const key = sha256Hex(`${ref.runId}/only/0/forward`);
      const step: Scripted = { ref, work, key, leaseMs, attempt: 1, worker: "", result: undefined };
      steps.set(ref.runId, step);
      await before?.(key);
      await publish(step);
      return step;
    },
    async giveAgain(step, { attempt } = { attempt: step.attempt }) {
      Object.assign(step, { attempt, worker: "", result: undefined });
      step.ref.epoch += 1;
      await publish(step);
    },
    resultOf: (step) => eventually(async () => step.result, { what: "the result of the step", timeoutMs: 30_000 }),
    refused,
    get hold() {
      return hold;
    },
    set hold(given) {
      hold = given;
    },
  };
}

export function toolWork(tool: string, input: object): Kind {
  return { $case: "tool", value: { tool, input } };
}
