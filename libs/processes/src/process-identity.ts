import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * When the process with this pid was started, as an opaque text, or undefined when there is none (or a zombie).
 *
 * Pids are reused: a pid together with its start time names one process for good, so that nothing is ever signalled
 * that is not ours. Linux: field 22 of /proc/<pid>/stat (proc(5)); elsewhere what `ps` says.
 */
export function processMark(pid: number): string | undefined {
  try {
    if (process.platform !== "linux") {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
    }
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name may hold spaces and parentheses; fields count from after the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Whether the process that had this pid and mark still runs. */
export function isSameProcess(pid: number, mark: string): boolean {
  return processMark(pid) === mark;
}
