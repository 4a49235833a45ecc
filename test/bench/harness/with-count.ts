/** A metric's name with a count in it: `cpu_ms` and 10 000 → `cpu_ms_10k`; 2 000 000 → `cpu_ms_2m`; 1 234 → `cpu_ms_1234`. */
export function withCount(metric: string, count: number): string {
  if (count % 1_000_000 === 0) return `${metric}_${count / 1_000_000}m`;
  return count % 1_000 === 0 ? `${metric}_${count / 1_000}k` : `${metric}_${count}`;
}
