export type AlertState = "pending" | "active" | "acknowledged" | "suppressed" | "resolved";
export type LiveState = Exclude<AlertState, "resolved">;

export type Condition = {
  readonly holds: boolean;
  /** Silenced, or inhibited by another alert. */
  readonly suppressed: boolean;
  /** How long the condition must hold before anybody is told, in milliseconds. */
  readonly forMs: number;
};

export type Step = { readonly to: AlertState | "forgotten"; readonly heldSince: Date };

/**
 * What becomes of an alert, or `undefined` when nothing does.
 *
 * | from         | holds, too short | holds long enough | holds, suppressed | does not hold |
 * |--------------|------------------|-------------------|-------------------|---------------|
 * | (none)       | pending          | active            | suppressed        |               |
 * | pending      |                  | active            | suppressed        | forgotten     |
 * | active       |                  |                   | suppressed        | resolved      |
 * | suppressed   |                  | active            |                   | resolved      |
 * | acknowledged |                  |                   |                   | resolved      |
 *
 * Suppression counts only once the condition held long enough. A person who has it keeps it: an acknowledged alert is
 * not suppressed. `acknowledged` is entered by a person's call alone, and from `resolved` nothing leads on: the next
 * time is another alert.
 */
export function transition(
  live: { readonly state: LiveState; readonly heldSince: Date } | undefined,
  condition: Condition,
  now: Date,
): Step | undefined {
  const heldSince = live?.heldSince ?? now;
  if (!condition.holds) {
    if (!live) return undefined;
    return { to: live.state === "pending" ? "forgotten" : "resolved", heldSince };
  }
  if (live?.state === "acknowledged") return undefined;
  const to = wanted(live?.state, condition, now.getTime() - heldSince.getTime());
  return to === live?.state ? undefined : { to, heldSince };
}

function wanted(from: LiveState | undefined, { suppressed, forMs }: Condition, heldMs: number): LiveState {
  // A rule whose duration was raised does not take back what was said.
  const unripe = heldMs < forMs && (from === undefined || from === "pending");
  if (unripe) return "pending";
  return suppressed ? "suppressed" : "active";
}
