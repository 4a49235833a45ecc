import { experimental, status } from "@grpc/grpc-js";
import type { Balancer } from "./balancer.ts";
import { callOf } from "./call-metadata.ts";
import type { Instance, Outcome } from "./instance.ts";
import type { BalanceMetrics } from "./metrics.ts";

// What speaks against the instance and not against the request. A hung process shows by deadlines alone.
const FAILURES: ReadonlySet<number> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.UNKNOWN,
  status.DATA_LOSS,
]);

/** What was picked in one turn of the event loop, and how many of it have not begun. */
type Turn = { picks: number; waiting: number; isOver: boolean };

/** gRPC asks it where each attempt of a call goes. Replaced when the set of ready instances changes. */
export class BalancedPicker implements experimental.Picker {
  readonly #balancer: Balancer;
  readonly #pickers: ReadonlyMap<Instance, experimental.Picker>;
  readonly #metrics: BalanceMetrics | undefined;
  readonly #picked = new Map<Instance, Turn>();

  constructor(
    balancer: Balancer,
    pickers: ReadonlyMap<Instance, experimental.Picker>,
    metrics: BalanceMetrics | undefined,
  ) {
    this.#balancer = balancer;
    this.#pickers = pickers;
    this.#metrics = metrics;
  }

  pick(args: experimental.PickArgs): experimental.PickResult {
    const call = callOf(args.metadata);
    const instance = this.#balancer.pick(call, performance.now());
    const picker = this.#pickers.get(instance);
    if (!picker) throw new TypeError(`${instance.address} was picked and is not ready`);
    const result = picker.pick(args);
    if (result.pickResultType !== experimental.PickResultType.COMPLETE) return result;
    const turn = this.#count(instance);
    let startedAtMs = 0;
    return {
      ...result,
      onCallStarted: () => {
        if (turn.isOver) instance.inFlight++;
        else turn.waiting--;
        startedAtMs = performance.now();
      },
      onCallEnded: (code) => {
        instance.inFlight--;
        const nowMs = performance.now();
        this.#balancer.ended(instance, call, outcomeOf(code), nowMs - startedAtMs, nowMs);
      },
    };
  }

  /**
   * A call counts as under way from its pick on, or all calls of one turn would fall on the same instance. gRPC begins
   * it in a microtask; if it was cancelled before, nobody says so, and the turn's end takes it back.
   */
  #count(instance: Instance): Turn {
    instance.inFlight++;
    if (this.#picked.size === 0) setImmediate(() => this.#endTurn());
    let turn = this.#picked.get(instance);
    if (!turn) {
      turn = { picks: 0, waiting: 0, isOver: false };
      this.#picked.set(instance, turn);
    }
    turn.picks++;
    turn.waiting++;
    return turn;
  }

  #endTurn(): void {
    for (const [instance, turn] of this.#picked) {
      turn.isOver = true;
      instance.inFlight -= turn.waiting;
      this.#metrics?.picked(instance.address, turn.picks);
    }
    this.#picked.clear();
  }
}

function outcomeOf(code: status): Outcome {
  if (code === status.CANCELLED) return "cancelled";
  return FAILURES.has(code) ? "failed" : "ok";
}
