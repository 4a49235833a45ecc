// A worker as agent-runner is one: pulls addresses, claims, works, completes, all in batches.
import { pullWork } from "@agentmesh/bus";
import { type Claim, StepDispatched, type StepResult } from "@agentmesh/proto/orchestrator";
import type { DeepPartial } from "@agentmesh/rpc";
import type { Mesh, Orchestrator } from "./mesh.fixture.ts";

export type Done = { output?: unknown; failure?: { code: string; message: string; retryable: boolean }; cost?: bigint };

export type Work = (claim: Claim) => Done | undefined | Promise<Done | undefined>;

export type Worker = AsyncDisposable & {
  /** By idempotency key: how often a step was worked on. */
  readonly calls: ReadonlyMap<string, number>;
  readonly claimed: number;
  readonly refused: number;
};

export type WorkerOptions = {
  readonly name: string;
  /** Default: one of the first replica. */
  readonly client?: Orchestrator;
  readonly places?: number;
  /** Does a step; undefined: never says anything of it. Default: answers its input. */
  readonly work?: Work;
};

export async function startWorker(mesh: Mesh, options: WorkerOptions): Promise<Worker> {
  const { name, places = 256, work = echo } = options;
  const client = options.client ?? (await mesh.runner());
  const calls = new Map<string, number>();
  let claimed = 0;
  let refused = 0;
  let busy = 0;
  let freed = () => {};

  async function handle(steps: readonly StepDispatched[]): Promise<void> {
    const { claims } = await client.claimSteps({ worker: name, steps: steps.map((step) => ({ ...step })) });
    const granted = claims.filter((claim) => claim.granted);
    claimed += granted.length;
    refused += claims.length - granted.length;
    const results = await Promise.all(
      granted.map(async (claim) => {
        const key = claim.work?.idempotencyKey ?? "";
        calls.set(key, (calls.get(key) ?? 0) + 1);
        const done = await work(claim);
        return done ? [toResult(claim, done)] : [];
      }),
    );
    if (results.flat().length > 0) await client.completeSteps({ worker: name, results: results.flat() });
  }

  const pulling = pullWork(mesh.bus, {
    durable: "agent-runner",
    filter: "wf.step.>",
    credit: () => places - busy,
    onCredit: () =>
      new Promise((resolve) => {
        freed = resolve;
      }),
    handle(messages) {
      busy += messages.length;
      const steps = messages.map((message) => StepDispatched.decode(message.data));
      for (const message of messages) message.ack();
      handle(steps)
        .catch(() => undefined)
        .finally(() => {
          busy -= messages.length;
          freed();
        });
    },
  });
  return {
    calls,
    get claimed() {
      return claimed;
    },
    get refused() {
      return refused;
    },
    [Symbol.asyncDispose]: () => pulling[Symbol.asyncDispose](),
  };
}

export function toResult(claim: Claim, { output, failure, cost = 0n }: Done): DeepPartial<StepResult> {
  return {
    ...(claim.step && { step: claim.step }),
    result: failure ? { $case: "failure", value: failure } : { $case: "output", value: output ?? {} },
    costNanoUsd: cost,
    durationMs: 1,
  };
}

function echo(claim: Claim): Done {
  return { output: claim.work?.work?.value?.input };
}
