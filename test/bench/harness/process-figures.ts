// CPU time and memory of other processes, from Linux's /proc (man 5 proc). Elsewhere these figures are left out.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** USER_HZ: the unit of times in /proc, 100 a second on every architecture that Node supports. */
const tickMs = 10;

export const hasProcFs = existsSync("/proc/self/stat");

type Stat = { readonly ppid: number; readonly ownMs: number; readonly reapedChildrenMs: number };

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name is in parentheses and may hold anything, so fields count from the last parenthesis: the third is ppid.
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [, ppid = 0] = fields;
    const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15);
    return { ppid, ownMs: (utime + stime) * tickMs, reapedChildrenMs: (cutime + cstime) * tickMs };
  } catch {
    return undefined;
  }
}

/** CPU time in ms, user and system, that a process and its children (running and ended ones) have used so far. */
export function cpuMsOf(pid: number): number {
  const own = readStat(pid);
  if (!own) return 0;
  let sum = own.ownMs + own.reapedChildrenMs;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat?.ppid === pid) sum += stat.ownMs + stat.reapedChildrenMs;
  }
  return sum;
}

/** Resident memory in MB (1e6 bytes). */
export function residentMbOf(pid: number): number {
  return statusMb(pid, "VmRSS");
}

/** The most it ever had. */
export function peakResidentMbOf(pid: number): number {
  return statusMb(pid, "VmHWM");
}

function statusMb(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
  if (Number.isNaN(kib)) throw new Error(`/proc/${pid}/status has no ${field}`);
  return (kib * 1024) / 1e6;
}

/** CPU used between two moments, by process name. */
export type CpuMeter = { since(): Readonly<Record<string, number>> };

export function meterCpu(pids: Readonly<Record<string, number>>): CpuMeter {
  const before = Object.entries(pids).map(([name, pid]) => ({ name, pid, cpuMs: cpuMsOf(pid) }));
  return {
    since: () => Object.fromEntries(before.map(({ name, pid, cpuMs }) => [name, cpuMsOf(pid) - cpuMs])),
  };
}
