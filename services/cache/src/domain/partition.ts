import { partitionOf } from "./scope.ts";

/** The epochs of tenant and agent as one word of a key. They stay apart in it, so that either change is seen. */
export function partitionEpoch([tenantEpoch = 0, agentEpoch = 0]: readonly number[]): string {
  return `${tenantEpoch}.${agentEpoch}`;
}

/** Whether a text is what `partitionEpoch` makes. */
export function isPartitionEpoch(text: string): boolean {
  return /^\d{1,16}\.\d{1,16}$/.test(text);
}

/** `<tenant>:<epoch>`: the prefix under which a tenant's answers are filed, in process and in Redis alike. */
export function partition(tenant: string, epoch: string): string {
  return `${partitionOf(tenant)}:${epoch}`;
}
