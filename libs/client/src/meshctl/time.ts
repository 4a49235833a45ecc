const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A moment in local time, as short as it is clear: `15:04:05` today, `Nov 18 15:04` this year, else `2025-11-18`. */
export function when(at: Date | undefined, now: Date): string {
  if (!at || at.getTime() === 0) return "";
  const day = `${MONTHS[at.getMonth()]} ${two(at.getDate())}`;
  if (at.toDateString() === now.toDateString()) return clock(at);
  if (at.getFullYear() === now.getFullYear()) return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** `15:04:05`, local. */
export function clock(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A duration: `840 ms`, `2.41 s`, `3m07s`, `2h15m`, `4d03h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return pair(minutes, "m", Math.floor((ms % 60_000) / 1_000), "s");
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? pair(hours, "h", minutes % 60, "m") : pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** Two units, without the smaller one when there is none of it. */
function pair(large: number, unit: string, small: number, smallUnit: string): string {
  return `${large}${unit}${small > 0 ? `${two(small)}${smallUnit}` : ""}`;
}

/** How long it took; nothing as long as it has no start. What has not ended is counted until now. */
export function took(from: Date | undefined, to: Date | undefined, now: Date): string {
  return from ? duration(Math.max(0, (to ?? now).getTime() - from.getTime())) : "";
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
