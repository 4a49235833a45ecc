import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow } from "../mesh/resources.ts";
import { seeded, shuffled } from "../random.ts";
import { type Driver, openDriver } from "./driver.ts";
import { type Killed, killAtRandom } from "./killer.ts";
import { type Shape, shapes, workflows } from "./shapes.ts";
import { judge, type Verdict } from "./verdict.ts";
import { watchEnds } from "./watch-ends.ts";

export type ChaosOptions = {
  readonly workflows: number;
  readonly kills: number;
  readonly seed: number;
  /** Default 3. */
  readonly runners?: number;
  /** Where the mesh lives; its logs stay. Default: a folder that is removed. */
  readonly root?: string;
  readonly log: (line: string) => void;
  /** Ends it without a verdict: what was started is stopped, and runChaos rejects with the reason. */
  readonly signal?: AbortSignal;
};

export type ChaosResult = Killed & Verdict & { readonly tookMs: number };

/** Longer than a call that nobody answers, as in production: a replica that freezes must not cost every lease. */
const leaseMs = 12_000;
/** Starts stop until fewer are under way: a backlog that only grows proves nothing. */
const mostOpen = 80;
const progressEveryMs = 10_000;
const endsWithinMs = 240_000;

/** A mesh of its own under mixed workflows while its processes die; then all must be whole. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, log, signal = new AbortController().signal } = options;
  const began = performance.now();
  await using mesh = await openFaultMesh({
    direct: true,
    leaseMs,
    ...(options.runners !== undefined && { runners: options.runners }),
    ...(options.root !== undefined && { root: options.root }),
    signal,
  });
  await applyAll(mesh);
  await using driver = await openDriver(mesh, seeded(seed + 1), signal);
  const ends = watchEnds(mesh);
  let kills = 0;
  const progress = () => {
    const seconds = Math.round((performance.now() - began) / 1000);
    const { calls } = mesh.effects.book;
    const { length } = mesh.effects.book.applied();
    log(
      `${seconds} s: ${driver.runs.length} started, ${ends.ended} ended, ${kills} kills, ${length} effects of ${calls} calls`,
    );
  };
  const timer = setInterval(progress, progressEveryMs);
  try {
    const plan = planOf(options.workflows, seeded(seed + 2));
    const killed = await killAtRandom({
      mesh: mesh.mesh,
      kills: options.kills,
      random: seeded(seed),
      async onKill(done) {
        signal.throwIfAborted();
        kills = done;
        const upTo = Math.ceil((options.workflows * (done + 1)) / options.kills);
        await ends.look(driver.runs);
        for (const shape of plan.slice(driver.runs.length, upTo)) driver.start(shape);
        while (driver.runs.length - ends.ended > mostOpen) {
          await wait(500, undefined, { signal });
          await ends.look(driver.runs);
        }
      },
    });
    kills = options.kills;
    for (const shape of plan.slice(driver.runs.length)) driver.start(shape);
    await mesh.whole();
    await settle(driver, ends, signal);
    return { ...killed, ...(await judge(mesh, driver.runs)), tookMs: performance.now() - began };
  } finally {
    clearInterval(timer);
  }
}

async function settle(driver: Driver, ends: ReturnType<typeof watchEnds>, signal: AbortSignal): Promise<void> {
  await driver.done();
  const allEnded = async () => {
    await ends.look(driver.runs);
    return signal.aborted || ends.ended === driver.runs.length;
  };
  // What has not ended by then is named by the verdict.
  await eventually(allEnded, { what: "the ends of all runs", timeoutMs: endsWithinMs }).catch(() => undefined);
  signal.throwIfAborted();
}

async function applyAll(mesh: FaultMesh): Promise<void> {
  await applyTools(mesh);
  await mesh.apply("runner", "Agent", "chaos-agent", {
    model: "embedded/lexical-1",
    instructions: "Say what the text is about.",
    cache: { mode: "off" },
  });
  for (const { name, spec } of workflows) await applyWorkflow(mesh, name, spec);
}

/** Each shape as often as the others, in an order of its own. */
function planOf(count: number, random: () => number): Shape[] {
  const plan: Shape[] = [];
  while (plan.length < count) plan.push(...shuffled(shapes, random));
  return plan.slice(0, count);
}
