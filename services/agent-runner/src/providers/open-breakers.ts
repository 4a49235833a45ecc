import type { Bus } from "@agentmesh/bus";
import { AppError, describeError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { z } from "zod";
import { type BreakerState, createModelBreaker, type ModelBreaker } from "../domain/model-breaker.ts";

/** One breaker for each provider and model, shared by all agents and, by hints, by all replicas. */
export type Breakers = AsyncDisposable & {
  /** @throws AppError UNAVAILABLE (BREAKER_OPEN) at once while the model's breaker is open; else what `work` throws */
  run<T>(model: string, work: () => Promise<T>): Promise<T>;
  state(model: string): BreakerState;
};

const SUBJECT = "hint.model-breaker";
const MAX_BREAKERS = 1_000;
const hint = z.object({ from: z.string(), model: z.string().max(200), state: z.enum(["open", "closed"]) });

/**
 * A replica that opened or closed a breaker tells the others. A hint that is lost costs a replica five failures of its
 * own: nothing waits for a hint, and without NATS each replica goes by what it sees.
 */
export function openBreakers(bus: Bus, onChange: (model: string, state: BreakerState) => void): Breakers {
  const self = newId();
  const breakers = new Map<string, ModelBreaker>();

  function of(model: string): ModelBreaker {
    const known = breakers.get(model);
    if (known) return known;
    const made = createModelBreaker({
      onChange(state, isOwn) {
        onChange(model, state);
        bus.log.warn({ model, state, isOwn }, "model breaker changed");
        if (isOwn && state !== "half-open") tell(model, state);
      },
    });
    if (breakers.size >= MAX_BREAKERS) breakers.clear();
    breakers.set(model, made);
    return made;
  }

  function tell(model: string, state: "open" | "closed"): void {
    try {
      bus.nc.publish(SUBJECT, JSON.stringify({ from: self, model, state }));
    } catch (error) {
      bus.log.debug({ model, reason: describeError(error) }, "breaker hint not sent");
    }
  }

  const subscription = bus.nc.subscribe(SUBJECT, {
    callback(error, message) {
      if (error) return;
      const read = hint.safeParse(parse(message.string()));
      if (read.success && read.data.from !== self) of(read.data.model).follow(read.data.state, Date.now());
    },
  });

  return {
    state: (model) => of(model).state,
    async run(model, work) {
      const breaker = of(model);
      const waitMs = breaker.admit(Date.now());
      if (waitMs > 0) throw isOpen(model, waitMs);
      let outcome: "ok" | "sick" | "spared" = "ok";
      try {
        return await work();
      } catch (error) {
        outcome = isSick(error) ? "sick" : "spared";
        throw error;
      } finally {
        breaker.ended(outcome, Date.now());
      }
    },
    async [Symbol.asyncDispose]() {
      subscription.unsubscribe();
    },
  };
}

function isOpen(model: string, waitMs: number): AppError {
  return new AppError("UNAVAILABLE", `${model}: not called, its last calls failed; try again in ${waitMs} ms`, {
    reason: "BREAKER_OPEN",
    retryAfterMs: waitMs,
  });
}

/** A refusal or a caller who left says nothing about a provider's health. */
function isSick(error: unknown): boolean {
  return error instanceof AppError && (error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
