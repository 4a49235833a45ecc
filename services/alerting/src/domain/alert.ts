import type { Labels } from "./labels.ts";
import type { Severity } from "./rule.ts";
import type { AlertState, LiveState } from "./transition.ts";

export type Alert = {
  readonly id: string;
  readonly tenant: string;
  readonly rule: string;
  readonly labelsHash: string;
  readonly labels: Labels;
  readonly state: AlertState;
  readonly severity: Severity;
  readonly summary: string;
  readonly runbook: string;
  readonly value: number;
  readonly threshold: number;
  /** Since when the condition holds. */
  readonly startedAt: Date;
  readonly changedAt: Date;
  readonly acknowledgedBy: string;
};

export type LiveAlert = Alert & { readonly state: LiveState };
