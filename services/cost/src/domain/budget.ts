import { z } from "zod";
import { nano } from "./price.ts";

const scope = z
  .string()
  .regex(/^(total|department:.+|project:.+|user:.+)$/, "expected total, department:NAME, project:NAME or user:SUBJECT");

/** A Budget resource: what a scope may spend in a calendar month (UTC). */
export const budgetSpec = z
  .strictObject({
    scope,
    monthlyUsd: z.number().min(0).max(1e9),
    /** Share at which the soft threshold is crossed. Default 0.8. */
    warn: z.number().min(0).max(1).default(0.8),
    /** Default 0.95. */
    critical: z.number().min(0).max(1).default(0.95),
    /** Whether calls are refused when it is spent; a soft budget only warns. Default true. */
    hard: z.boolean().default(true),
  })
  .refine((spec) => spec.warn <= spec.critical, { path: ["warn"], message: "expected warn to be at most critical" });

export type BudgetSpec = z.infer<typeof budgetSpec>;

export type Budget = {
  readonly tenant: string;
  readonly name: string;
  readonly scope: string;
  readonly limitNanoUsd: bigint;
  readonly warn: number;
  readonly critical: number;
  readonly hard: boolean;
};

export type BudgetLevel = "ok" | "warn" | "critical" | "exhausted";

export function compileBudget(tenant: string, name: string, spec: BudgetSpec): Budget {
  const { monthlyUsd, ...rest } = spec;
  return { tenant, name, ...rest, limitNanoUsd: nano(monthlyUsd) };
}

export function levelOf(budget: Pick<Budget, "limitNanoUsd" | "warn" | "critical">, spentNanoUsd: bigint): BudgetLevel {
  if (spentNanoUsd >= budget.limitNanoUsd) return "exhausted";
  const share = Number(spentNanoUsd) / Number(budget.limitNanoUsd);
  if (share >= budget.critical) return "critical";
  return share >= budget.warn ? "warn" : "ok";
}

const ORDER: readonly BudgetLevel[] = ["ok", "warn", "critical", "exhausted"];

export function isWorse(level: BudgetLevel, than: BudgetLevel): boolean {
  return ORDER.indexOf(level) > ORDER.indexOf(than);
}

/** Start of the calendar month, UTC. */
export function periodStart(at: Date): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));
}

export type Charged = {
  readonly tenant: string;
  readonly subject: string;
  readonly department: string;
  readonly project: string;
};

/** The scopes a charge counts in. */
export function scopesOf(charge: Charged): string[] {
  const scopes = ["total", `user:${charge.subject}`];
  if (charge.department) scopes.push(`department:${charge.department}`);
  if (charge.project) scopes.push(`project:${charge.project}`);
  return scopes;
}
