/** Events a second while latency is measured. */
export const perSecond = 500;
/** Events whose latency is measured. */
export const paced = 3_000;
/** A rate at which nothing queues: what the way costs by itself. */
export const perSecondQuietly = 50;
export const pacedQuietly = 200;
export const warmUpEvents = 1_000;
/** Events at once, for the rate of acceptance. */
export const flooded = 5_000;
/** Of those, unacknowledged by JetStream at a time. */
export const floodInFlight = 256;
/** How long their workflows may take. */
export const withinMs = 120_000;
