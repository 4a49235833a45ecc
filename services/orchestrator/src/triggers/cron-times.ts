import { Cron } from "croner";

/** What is wrong with a cron time, or undefined. */
export function checkCron(cron: string, timeZone: string): { field: "cron" | "timeZone"; message: string } | undefined {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone });
  } catch {
    return {
      field: "timeZone",
      message: `there is no time zone ${JSON.stringify(timeZone)}; take an IANA name such as Europe/Zurich`,
    };
  }
  try {
    if (!open(cron, timeZone).nextRun(new Date())) {
      return { field: "cron", message: `${JSON.stringify(cron)} never comes; correct the day or the month` };
    }
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^Cron\w*: /, "") : String(error);
    return {
      field: "cron",
      message: `${JSON.stringify(cron)} is no cron time of five fields (minute hour day month weekday): ${why}`,
    };
  }
}

/** The first time after another one; undefined when none comes. */
export function nextTime(cron: string, timeZone: string, after: Date): Date | undefined {
  return open(cron, timeZone).nextRun(after) ?? undefined;
}

export type DueTimes = {
  /** For each of them a run starts, oldest first. */
  readonly fire: readonly Date[];
  /** How many passed for which none does; at least so many when it slept for very long. */
  readonly skipped: number;
  readonly next: Date | undefined;
};

/** Of `missed: all`: older ones than these are skipped. */
export const MAX_CATCH_UP = 100;
// A time is missed when nothing looked for this long; a busy minute must not lose one to `missed: skip`.
const ON_TIME_MS = 60_000;
// Two days of minutes. Of a schedule that slept for longer only the newest times are looked at.
const MAX_LOOKED_AT = 3_000;

/**
 * Which times have come since `due`, by the schedule's rule for missed ones: `skip` lets only those start a run that
 * came within the last minute, `last` only the newest, `all` each of the newest hundred.
 */
export function dueTimes(
  schedule: { readonly cron: string; readonly timeZone: string; readonly missed: "skip" | "last" | "all" },
  due: Date,
  now: Date,
): DueTimes {
  const times: Date[] = [];
  let at: Date | undefined = due;
  for (let looked = 0; at && at <= now && looked < MAX_LOOKED_AT; looked++) {
    times.push(at);
    at = nextTime(schedule.cron, schedule.timeZone, at);
  }
  if (at && at <= now) return afterLongSleep(schedule, now);
  const fire = chosen(times, schedule.missed, now);
  return { fire, skipped: times.length - fire.length, next: at };
}

function afterLongSleep({ cron, timeZone, missed }: Parameters<typeof dueTimes>[0], now: Date): DueTimes {
  // A time that is exactly the reference is not before it.
  const newest = open(cron, timeZone).previousRuns(MAX_CATCH_UP, new Date(now.getTime() + 1));
  const fire = chosen(newest.toReversed(), missed, now);
  return { fire, skipped: MAX_LOOKED_AT - fire.length, next: nextTime(cron, timeZone, now) };
}

function chosen(times: readonly Date[], missed: "skip" | "last" | "all", now: Date): readonly Date[] {
  switch (missed) {
    case "skip":
      return times.filter((time) => now.getTime() - time.getTime() < ON_TIME_MS);
    case "last":
      return times.slice(-1);
    case "all":
      return times.slice(-MAX_CATCH_UP);
    default:
      return missed satisfies never;
  }
}

function open(cron: string, timezone: string): Cron {
  return new Cron(cron, { timezone, paused: true, mode: "5-part" });
}
