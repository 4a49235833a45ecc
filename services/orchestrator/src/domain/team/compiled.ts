/** Steps, and where the result and the last review stand when they are done. */
export type Compiled = { readonly steps: readonly object[]; readonly result: unknown; readonly review?: unknown };
