// The same load for the mesh and for its peers.

/** Workflows a repeat. */
export const workflows = 2_000;
/** Starts in flight. */
export const concurrency = 64;
/** How long all of them may take. */
export const endWithinMs = 120_000;
/** Before the first measured repeat, so that code is compiled and pools are open. */
export const warmUpWorkflows = 300;
