/** Who pays for what a lookup costs itself, proven by a verified token. */
export type Payer = {
  readonly tenant: string;
  readonly subject: string;
  readonly department: string;
  readonly project: string;
  /** Whose answers are looked up; empty: not known yet. */
  readonly agent: string;
};
