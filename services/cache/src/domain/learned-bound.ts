/** What was found out when two questions were both answered: how alike they were, and whether one answer would do. */
export type Observation = { readonly score: number; readonly same: boolean };

export const MAX_OBSERVATIONS = 16;
/** How far below the agent's threshold an entry may come to answer. */
export const MAX_LOWERING = 0.1;

const CONFIRMATIONS_TO_LOWER = 2;
const MARGIN = 0.02;

/**
 * The least score at which an entry answers another question (after vCache, Schroeder et al. 2025: one bound an entry
 * instead of one for all). It begins at the agent's threshold; answers that differed put it above their score for good,
 * answers that agreed let it down to theirs, if nothing differed at or above it.
 */
export function learnedBound(threshold: number, observations: readonly Observation[]): number {
  const worst = Math.max(0, ...observations.filter(({ same }) => !same).map(({ score }) => score + MARGIN));
  const confirmed = observations.filter(({ score, same }) => same && score >= worst).map(({ score }) => score);
  const lowered = confirmed.filter((score) => score < threshold);
  const bound = lowered.length >= CONFIRMATIONS_TO_LOWER ? Math.min(...lowered) : threshold;
  return Math.max(worst, bound, threshold - MAX_LOWERING);
}
