/** Look-ups of a repeat that are answered by L2, one after the other. */
export const l2Lookups = 1_000;
/** Before these, not measured: a service that has just started runs code that was never compiled. */
export const warmUpLookups = 1_500;
/** Look-ups of a repeat that are answered by another wording, one after the other. */
export const semanticLookups = 300;
/** Equal questions at the same moment. */
export const equalMisses = 1_000;
/** How long an answer takes that one of them makes. */
export const upstreamMs = 300;
export const answerBytes = 500;
/** Stores in one call; the cache takes up to 256. */
export const batch = 100;
export const fillRounds = 5;
