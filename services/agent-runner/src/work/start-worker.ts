import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { pullWork } from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import type { TokenVerifier } from "@agentmesh/identity";
import { newId } from "@agentmesh/ids";
import { type Claim, type StepRef, StepResult, type StepWork } from "@agentmesh/proto/orchestrator";
import type { Context } from "../context.ts";
import { claimSteps } from "./claim-steps.ts";
import { createLeases, type Lease } from "./leases.ts";
import { type Offering, startOffering } from "./offer-places.ts";
import { createPlaces, type Places } from "./places.ts";
import { createReporter } from "./report-results.ts";
import { runStep, type StepOutcome } from "./run-step.ts";
import { createSubjectTokens } from "./subject-tokens.ts";

const DURABLE = "agent-runner-steps";
const FILTER = "wf.step.>";
const TICK_MS = 250;
const DRAIN_LOOK_MS = 20;
const HAND_BACK_MS = 2_000;
const TELL_WITHIN_MS = 5_000;
// Of the time between heartbeats: a renewal that failed is tried again soon, and not at every tick.
const RETRY_BEAT_AFTER = 0.1;

/**
 * Works on workflow steps: pulls for free places, claims, runs, reports, and renews the leases meanwhile. Disposing
 * stops pulling, lets steps finish for `drainMs` and hands back the rest.
 */
export function startWorker(context: Context, verifier: TokenVerifier): AsyncDisposable {
  const { config, log, measured, peers } = context;
  const { heartbeatMs, drainMs } = config.worker;
  const worker = `${hostname()}/${newId()}`;
  const leases = createLeases(measured.stepsHeld);
  let isDraining = false;
  const report = createReporter(context, {
    worker,
    takesNext: () => !isDraining,
    onNext,
  });
  const tokens = createSubjectTokens(context, verifier);
  let claiming = 0;
  let isBeating = false;
  let nextBeatAtMs = 0;
  const places: Places = createPlaces(config.worker.places, () => leases.size + claiming + offering.open);
  const offering: Offering = startOffering(context, { worker, share: config.worker.offeredShare, places, onNext });

  async function claim(messages: Parameters<typeof claimSteps>[2]): Promise<void> {
    claiming += messages.length;
    // A lease begins before the reply arrives, so it is counted from the asking.
    const askedAtMs = performance.now();
    const claims = await claimSteps(context, worker, messages);
    claiming -= messages.length;
    onNext(claims, askedAtMs);
    places.freed();
  }

  function onNext(claims: readonly Claim[], askedAtMs: number): void {
    for (const each of claims) begin(each, askedAtMs);
  }

  function begin({ granted, step, work }: Claim, askedAtMs: number): void {
    if (!granted || !step || !work) return;
    const lease = leases.take(step, work.leaseMs, askedAtMs, work.timeoutMs, work.work?.$case === "tool");
    if (lease) void context.inFlight.track(runLease(lease, work));
  }

  async function runLease(lease: Lease, work: StepWork): Promise<void> {
    const startedAtMs = performance.now();
    const outcome = await runStep(context, tokens, work, lease);
    const kind = work.work?.$case ?? "tool";
    try {
      // Without its lease a result would be refused; with it the report goes on until the lease ends.
      if (!lease.isHeld) {
        if (lease.isStopped) await tellStopped(lease);
        return measured.worked(kind, "fenced");
      }
      const isCounted = await report(toResult(lease.ref, outcome, performance.now() - startedAtMs), lease.signal);
      measured.worked(kind, !isCounted ? "refused" : outcome.ok ? "succeeded" : "failed");
      if (isCounted && isInDoubt(outcome)) await noteDoubt(context, lease, work);
    } catch (error) {
      measured.worked(kind, "fenced");
      log.warn(
        { ...lease.ref, reason: describeError(error) },
        "result not reported; the step will be given to another",
      );
    } finally {
      leases.release(lease);
      places.freed();
    }
  }

  /** A run that undoes what it did waits for what may still act; without this it would wait for the lease's end. */
  async function tellStopped({ ref, signal }: Lease): Promise<void> {
    // What was stopped may have acted: a failure that is final would say that there is nothing to undo.
    const failure = { code: "CANCELLED", message: describeError(signal.reason), retryable: true };
    const result = StepResult.fromPartial({ step: ref, result: { $case: "failure", value: failure } });
    await report(result, AbortSignal.timeout(TELL_WITHIN_MS));
  }

  async function beat(): Promise<void> {
    isBeating = true;
    const sentAtMs = performance.now();
    nextBeatAtMs = sentAtMs + heartbeatMs * RETRY_BEAT_AFTER;
    const steps = leases.refs();
    try {
      const { stop } = await peers.orchestrator.heartbeatSteps({ worker, steps }, { timeoutMs: heartbeatMs });
      leases.renew(stop, steps, sentAtMs);
    } catch (error) {
      log.warn({ steps: steps.length, reason: describeError(error) }, "leases not renewed");
    }
    isBeating = false;
  }

  const timer = setInterval(
    () => {
      const nowMs = performance.now();
      leases.fence(nowMs);
      if (!isBeating && nowMs >= nextBeatAtMs && leases.isDue(heartbeatMs, nowMs)) void beat();
    },
    Math.min(TICK_MS, heartbeatMs),
  );
  const pulling = pullWork(context.bus, {
    durable: DURABLE,
    filter: FILTER,
    credit: places.credit,
    onCredit: places.gather,
    handle: (messages) => void claim(messages),
  });

  return {
    async [Symbol.asyncDispose]() {
      isDraining = true;
      await Promise.all([pulling[Symbol.asyncDispose](), offering[Symbol.asyncDispose]()]);
      const untilMs = performance.now() + drainMs;
      while (leases.size + claiming > 0 && performance.now() < untilMs) await wait(DRAIN_LOOK_MS);
      leases.handBack();
      while (leases.size + claiming > 0 && performance.now() < untilMs + HAND_BACK_MS) await wait(DRAIN_LOOK_MS);
      clearInterval(timer);
    },
  };
}

function isInDoubt(outcome: StepOutcome): boolean {
  return !outcome.ok && outcome.failure.code === "IN_DOUBT";
}

/** Without it a person who says "try again" is asked once more. */
async function noteDoubt({ effects, log }: Context, { ref }: Lease, work: StepWork): Promise<void> {
  await effects.told(work.tenant, work.idempotencyKey, work.attempt).catch((error) => {
    log.warn({ ...ref, reason: describeError(error) }, "not noted that the step is in doubt");
  });
}

function toResult(step: StepRef, outcome: StepOutcome, durationMs: number): StepResult {
  return StepResult.fromPartial({
    step,
    result: outcome.ok ? { $case: "output", value: outcome.output } : { $case: "failure", value: outcome.failure },
    costNanoUsd: outcome.costNanoUsd,
    ...(outcome.ok && outcome.quality !== undefined && { quality: outcome.quality }),
    durationMs: Math.round(durationMs),
  });
}
