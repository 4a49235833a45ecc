export type FamilyState = {
  /** Of the refresh token that is current. */
  readonly generation: number;
  readonly refreshedAtMs: number;
  readonly expiresAtMs: number;
  readonly ended: boolean;
};

export type RefreshPolicy = { readonly idleMs: number; readonly graceMs: number };

/**
 * What a genuine refresh token of a family is worth.
 *
 * | presented                                   | verdict |                                          |
 * |---------------------------------------------|---------|------------------------------------------|
 * | the current generation                      | rotate  | and the compare-and-set decides who does  |
 * | the one before, within the grace            | repeat  | the same successor: the reply was lost    |
 * | any older one, or later                     | reused  | somebody copied it: the family ends       |
 * | of a family that ended or was left too long | ended   |                                          |
 */
export type RefreshVerdict = "rotate" | "repeat" | "reused" | "ended";

export function judgeRefresh(
  family: FamilyState,
  presented: number,
  nowMs: number,
  policy: RefreshPolicy,
): RefreshVerdict {
  const { generation, refreshedAtMs, expiresAtMs, ended } = family;
  if (ended || nowMs >= expiresAtMs || nowMs >= refreshedAtMs + policy.idleMs) return "ended";
  if (presented === generation) return "rotate";
  if (presented === generation - 1 && nowMs < refreshedAtMs + policy.graceMs) return "repeat";
  return "reused";
}
