// Starts runs through the gateway and does for each what a person or another system would: decides, tells, cancels.
// Whatever is not answered is asked again.
import { setTimeout as wait } from "node:timers/promises";
import { connect, type MeshClient } from "@agentmesh/client";
import { AppError } from "@agentmesh/errors";
import type { FaultMesh } from "../mesh/fault-mesh.ts";
import { persist } from "../mesh/persist.ts";
import { openPublisher, type Publisher } from "../mesh/publisher.ts";
import type { Shape } from "./shapes.ts";

export type DrivenRun = {
  readonly mark: string;
  readonly shape: Shape;
  readonly input: Readonly<Record<string, unknown>>;
  /** Empty until the start was answered. */
  id: string;
};

export type Driver = AsyncDisposable & {
  readonly runs: readonly DrivenRun[];
  /** Starts one without waiting for anything. */
  start(shape: Shape): void;
  /** Resolves when each start was answered and each errand done. @throws the first that could not */
  done(): Promise<void>;
};

const mostErrandDelayMs = 4_000;

export async function openDriver(mesh: FaultMesh, random: () => number, signal: AbortSignal): Promise<Driver> {
  await using stack = new AsyncDisposableStack();
  const client = stack.use(connect({ address: mesh.mesh.gatewayAddress, apiKey: await apiKeyFor(mesh) }));
  const publisher = stack.use(await openPublisher(mesh.mesh.publisherUrl, signal));
  const runs: DrivenRun[] = [];
  const lives: Promise<void>[] = [];
  const opened = stack.move();
  return {
    runs,
    start(shape) {
      const mark = `m-${String(runs.length).padStart(6, "0")}-${Math.floor(random() * 2 ** 32).toString(16)}`;
      const run: DrivenRun = { mark, shape, input: { ...shape.input(random), mark }, id: "" };
      runs.push(run);
      const life = live({ mesh, client, publisher, signal }, run, {
        delayMs: random() * mostErrandDelayMs,
        wish: random(),
      });
      // Awaited by done(); until then it must not end the process.
      life.catch(() => undefined);
      lives.push(life);
    },
    async done() {
      await Promise.all(lives);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type Means = {
  readonly mesh: FaultMesh;
  readonly client: MeshClient;
  readonly publisher: Publisher;
  readonly signal: AbortSignal;
};

async function live(means: Means, run: DrivenRun, { delayMs, wish }: { delayMs: number; wish: number }): Promise<void> {
  const { client, publisher, signal } = means;
  const { mark, shape, input } = run;
  const started = await persist(
    () => client.orchestrator.startWorkflow({ workflow: shape.name, input, dedupeKey: mark }),
    { signal },
  );
  run.id = started.id;
  switch (shape.errand) {
    case "none":
      return;
    case "tell":
      await wait(delayMs);
      await publisher.tell("chaos.paid", mark, { mark });
      return;
    case "cancel":
      await wait(delayMs);
      await persist(() => client.orchestrator.cancelRun({ id: run.id, reason: "chaos" }), { signal });
      return;
    case "decide":
      await decide(means, run, wish);
      return;
    default:
      shape.errand satisfies never;
  }
}

/** Two people decide at once, and sometimes not the same. */
async function decide({ mesh, client, signal }: Means, run: DrivenRun, wish: number): Promise<void> {
  const argsHash = await persist(
    async () => {
      const { rows } = await mesh.sql.query<{ args_hash: string }>(
        "SELECT args_hash FROM orchestrator.approval WHERE run = $1",
        [run.id],
      );
      if (!rows[0]) throw new Error(`run ${run.id} has not asked for its approval`);
      return rows[0].args_hash;
    },
    { signal },
  );
  const say = (approve: boolean) =>
    persist(
      () => client.orchestrator.decideApproval({ id: run.id, node: "approve", approve, argsHash, comment: run.mark }),
      { signal, isFinal: isDecided },
    ).catch((error: unknown) => {
      if (!isDecided(error)) throw error;
    });
  await Promise.all([say(wish < 0.7), say(wish < 0.4)]);
}

/** Somebody else was first, or the run has ended. */
function isDecided(error: unknown): boolean {
  return error instanceof AppError && error.code === "FAILED_PRECONDITION";
}

/** A key outlives restarts of auth and never expires within a run. */
async function apiKeyFor({ mesh }: FaultMesh): Promise<string> {
  await using admin = connect({ address: mesh.gatewayAddress });
  const { tenant, adminUsername: username, adminPassword: password } = mesh;
  const { accessToken } = await admin.auth.signIn({ tenant, username, password });
  admin.setToken(accessToken);
  await admin.auth.createUser({
    username: "chaos",
    displayName: "Chaos",
    department: "faults",
    roles: ["workflow_runner"],
    serviceAccount: true,
  });
  const { secret } = await admin.auth.createApiKey({
    name: "chaos",
    username: "chaos",
    scopes: ["agent:execute", "agent:read"],
  });
  return secret;
}
