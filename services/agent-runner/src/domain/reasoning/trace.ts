/** What a run thought and planned on its way, as it is kept with it. */
export type TraceEntry =
  | { readonly kind: "thought"; readonly thoughts: readonly string[] }
  | { readonly kind: "plan"; readonly steps: readonly string[] }
  /** A step that was done; numbered from 1 over all of them, those of revised plans too. */
  | { readonly kind: "step"; readonly number: number; readonly step: string; readonly result: string }
  /** A plan that changed: why, and the steps that are still to do. */
  | { readonly kind: "revision"; readonly reason: string; readonly steps: readonly string[] };
