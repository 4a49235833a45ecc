/** The middle of the sorted values; of an even number the mean of the two in the middle. Throws on none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By linear interpolation between the two nearest ranks. Throws on no values. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * fraction;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  if (low === undefined || high === undefined) throw new Error(`a quantile of ${values.length} values does not exist`);
  return low + (high - low) * (at - Math.floor(at));
}
