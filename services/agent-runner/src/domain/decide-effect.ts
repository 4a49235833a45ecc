/** What is known of an effect. */
export type EffectRow = {
  readonly state: "INTENT" | "DONE" | "IN_DOUBT";
  /** Of the step, when the row was last written. */
  readonly attempt: number;
  /** Who is at it. */
  readonly token: string;
  readonly requestHash: string;
  /** Of one that is done, as JSON; undefined where it was too large to be kept, or had to be forgotten. */
  readonly result: string | undefined;
  /** For how long somebody may still be at it, in milliseconds; 0 or less: nobody is. */
  readonly busyMs: number;
};

export type EffectAsked = {
  readonly mode: "verify" | "none";
  readonly attempt: number;
  readonly requestHash: string;
};

export type EffectDecision =
  | { readonly do: "answer"; readonly result: string | undefined }
  | { readonly do: "conflict" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "ask" }
  | { readonly do: "call" }
  | { readonly do: "doubt"; readonly why: string };

const NOTED_WITHIN_MS = 2_000;

/**
 * What an attempt does that finds a row, the first of these that applies:
 *
 * | state            | further                               | then                                               |
 * |------------------|---------------------------------------|----------------------------------------------------|
 * | DONE             | the same request                      | its answer                                         |
 * | DONE             | another request                       | conflict                                           |
 * | INTENT, IN_DOUBT | somebody may still be at it           | wait                                               |
 * | INTENT, IN_DOUBT | another request                       | doubt: an effect under this key may be there       |
 * | INTENT, IN_DOUBT | mode verify                           | ask whether it is there                            |
 * | IN_DOUBT         | mode none, a higher attempt           | call: a person asked for it                        |
 * | INTENT           | mode none, a higher attempt, just now | wait: that a person was told may be about to be    |
 * |                  |                                       | noted                                              |
 * | INTENT, IN_DOUBT | mode none                             | doubt                                              |
 */
export function decideEffect(row: EffectRow, asked: EffectAsked): EffectDecision {
  const isSame = row.requestHash === asked.requestHash;
  if (row.state === "DONE") return isSame ? { do: "answer", result: row.result } : { do: "conflict" };
  if (row.busyMs > 0) return { do: "wait", ms: row.busyMs };
  if (!isSame)
    return { do: "doubt", why: "it was tried with other arguments before, and that one may have had its effect" };
  if (asked.mode === "verify") return { do: "ask" };
  if (asked.attempt > row.attempt) {
    if (row.state === "IN_DOUBT") return { do: "call" };
    const leftMs = row.busyMs + NOTED_WITHIN_MS;
    if (leftMs > 0) return { do: "wait", ms: leftMs };
  }
  return {
    do: "doubt",
    why: "an earlier attempt began it, its end is not known, and the other system cannot be asked",
  };
}
