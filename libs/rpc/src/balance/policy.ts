import type { Instance } from "./instance.ts";

/** One call, over all its attempts. */
export type PickCall = {
  /** What consistent_hash keeps together. */
  readonly key: string | undefined;
  /** A stream's length says nothing of its instance's speed. */
  readonly streaming: boolean;
  /** Instances that earlier attempts went to; a further one goes elsewhere. */
  tried: Instance[] | undefined;
};

/**
 * Chooses one of `instances`, which are all usable and at least one of which `call` has not tried. Neither looks at a
 * clock nor waits: what it knows is in the instances and its arguments.
 */
export type Policy = (instances: readonly Instance[], call: PickCall, nowMs: number) => Instance;

/** Uniform over [0, 1). */
export type Random = () => number;

export function isTried(call: PickCall, instance: Instance): boolean {
  return call.tried?.includes(instance) ?? false;
}

/** The instance at a place that may lie beyond the end. @throws RangeError for no instances */
export function instanceAt(instances: readonly Instance[], place: number): Instance {
  const found = instances[place % instances.length];
  if (found) return found;
  throw new RangeError("a policy was asked to choose from no instances");
}
