import type { Alert, LiveAlert } from "./alert.ts";
import { holds } from "./condition.ts";
import { type Labels, labelsKey } from "./labels.ts";
import type { Rule } from "./rule.ts";
import { type LiveState, transition } from "./transition.ts";

/** The value of a rule's metric for one group of labels. */
export type Observation = { readonly labels: Labels; readonly value: number };

export type AlertChange = {
  readonly from: LiveState | undefined;
  readonly to: Alert["state"] | "forgotten";
  /** As it is after the change. */
  readonly alert: Alert;
};

export type Decisions = {
  readonly changes: readonly AlertChange[];
  /** Alerts that stay as they are, with another value. */
  readonly refreshed: readonly Alert[];
};

/**
 * What the rules make of what was measured. A rule that is gone, or a group nothing is known of any more, holds no
 * longer.
 *
 * @param observe the observations of a rule
 * @param newId ids for alerts that begin
 */
export function decideAlerts(
  rules: readonly Rule[],
  observe: (rule: Rule) => readonly Observation[],
  live: readonly LiveAlert[],
  now: Date,
  newId: () => string,
): Decisions {
  const changes: AlertChange[] = [];
  const refreshed: Alert[] = [];
  const left = new Map(live.map((alert) => [groupKey(alert.tenant, alert.rule, alert.labelsHash), alert]));
  const firing = firingCounts(live);

  function note(change: AlertChange): void {
    changes.push(change);
    const rule = `${change.alert.tenant}\n${change.alert.rule}`;
    firing.set(rule, (firing.get(rule) ?? 0) + isFiring(change.to) - isFiring(change.from));
  }

  // Rules that inhibit come before those that are inhibited, so that both may begin in one evaluation.
  for (const rule of [...rules].sort((a, b) => a.inhibitedBy.length - b.inhibitedBy.length)) {
    const inhibited = rule.inhibitedBy.some((name) => (firing.get(`${rule.tenant}\n${name}`) ?? 0) > 0);
    const suppressed = inhibited || (rule.silencedUntil !== undefined && rule.silencedUntil > now);
    for (const { labels, value } of observe(rule)) {
      const labelsHash = labelsKey(labels);
      const key = groupKey(rule.tenant, rule.name, labelsHash);
      const before = left.get(key);
      left.delete(key);
      const condition = { holds: holds(rule.op, value, rule.threshold), suppressed, forMs: rule.forS * 1000 };
      const step = transition(before && { state: before.state, heldSince: before.startedAt }, condition, now);
      if (step) {
        const alert = { ...(before ?? begin(rule, labels, labelsHash, newId())), ...current(rule, value) };
        const state = step.to === "forgotten" ? alert.state : step.to;
        note({
          from: before?.state,
          to: step.to,
          alert: { ...alert, state, startedAt: step.heldSince, changedAt: now },
        });
      } else if (before && before.value !== value) refreshed.push({ ...before, value });
    }
  }
  for (const alert of left.values()) {
    const gone = { holds: false, suppressed: false, forMs: 0 };
    const step = transition({ state: alert.state, heldSince: alert.startedAt }, gone, now);
    if (step) note({ from: alert.state, to: step.to, alert: { ...alert, state: "resolved", changedAt: now } });
  }
  return { changes, refreshed };
}

function begin(rule: Rule, labels: Labels, labelsHash: string, id: string): Omit<Alert, "startedAt" | "changedAt"> {
  const { tenant, name } = rule;
  return { id, tenant, rule: name, labels, labelsHash, state: "pending", acknowledgedBy: "", ...current(rule, 0) };
}

function current({ severity, summary, runbook, threshold }: Rule, value: number) {
  return { severity, summary, runbook, threshold, value };
}

function firingCounts(live: readonly LiveAlert[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { tenant, rule, state } of live) {
    const key = `${tenant}\n${rule}`;
    counts.set(key, (counts.get(key) ?? 0) + isFiring(state));
  }
  return counts;
}

function isFiring(state: AlertChange["to"] | undefined): number {
  return Number(state === "active" || state === "acknowledged");
}

function groupKey(tenant: string, rule: string, labelsHash: string): string {
  return `${tenant}\n${rule}\n${labelsHash}`;
}
