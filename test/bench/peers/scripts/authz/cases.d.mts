export type Question = {
  readonly caller: number;
  readonly held: readonly string[];
  readonly permission: string;
  readonly resource: string;
  readonly address: string;
  readonly environment: string;
};

export const atMs: number;
export const roles: readonly { readonly name: string; readonly permissions: string[]; readonly constraints: object }[];
export function measureDecisions(decide: (question: Question) => boolean, rounds: number, isChecked?: boolean): void;
