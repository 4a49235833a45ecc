export { type Breaker, type BreakerOptions, createBreaker } from "./breaker.ts";
export { type Bulkhead, createBulkhead } from "./bulkhead.ts";
export { type BackoffOptions, backoffMs, type RetryOptions, retry } from "./retry.ts";
