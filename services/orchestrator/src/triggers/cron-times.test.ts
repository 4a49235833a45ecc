import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkCron, dueTimes, MAX_CATCH_UP, nextTime } from "./cron-times.ts";

const at = (text: string) => new Date(text);
const zurich = "Europe/Zurich";

test("what is no cron time is refused with its field", () => {
  assert.equal(checkCron("0 9 * * mon-fri", zurich), undefined);
  assert.equal(checkCron("0 9 * * *", "Mars/Olympus")?.field, "timeZone");
  for (const cron of ["61 * * * *", "* * * *", "*/15 * * * * *", "", "now", "@reboot"]) {
    const wrong = checkCron(cron, "UTC");
    assert.equal(wrong?.field, "cron", cron);
  }
  assert.match(checkCron("0 0 31 2 *", "UTC")?.message ?? "", /never comes/);
});

test("a time that the clock skips comes at the end of the gap, one that it shows twice comes once", () => {
  const times = (from: string, count: number) => {
    const found: string[] = [];
    for (let time = at(from); found.length < count; ) {
      const next = nextTime("30 2 * * *", zurich, time);
      assert.ok(next);
      found.push(next.toISOString());
      time = next;
    }
    return found;
  };
  assert.deepEqual(times("2026-03-28T12:00:00Z", 2), ["2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z"]);
  assert.deepEqual(times("2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]);
});

test("missed times: skipped, only the last, or each of the newest hundred", () => {
  const due = at("2026-11-20T00:00:00Z");
  const now = at("2026-11-20T05:30:00Z");
  const hourly = { cron: "0 * * * *", timeZone: "UTC" };
  const skip = dueTimes({ ...hourly, missed: "skip" }, due, now);
  assert.deepEqual([skip.fire.length, skip.skipped], [0, 6]);
  const last = dueTimes({ ...hourly, missed: "last" }, due, now);
  assert.deepEqual([last.fire.map((time) => time.getUTCHours()), last.skipped], [[5], 5]);
  const all = dueTimes({ ...hourly, missed: "all" }, due, now);
  assert.deepEqual(
    all.fire.map((time) => time.getUTCHours()),
    [0, 1, 2, 3, 4, 5],
  );
  const minutely = dueTimes({ cron: "* * * * *", timeZone: "UTC", missed: "all" }, due, now);
  assert.deepEqual([minutely.fire.length, minutely.skipped], [MAX_CATCH_UP, 331 - MAX_CATCH_UP]);
  for (const one of [skip, last, all]) assert.equal(one.next?.toISOString(), "2026-11-20T06:00:00.000Z");
});

test("on time is on time under each rule", () => {
  const due = at("2026-11-20T09:00:00Z");
  for (const missed of ["skip", "last", "all"] as const) {
    const { fire, next } = dueTimes(
      { cron: "0 9 * * *", timeZone: "UTC", missed },
      due,
      at("2026-11-20T09:00:00.400Z"),
    );
    assert.deepEqual([fire, next?.toISOString()], [[due], "2026-11-21T09:00:00.000Z"], missed);
  }
});

test("however often it is looked at, each time starts at most one run, and with `all` exactly one", () => {
  const start = at("2026-03-27T00:00:00Z").getTime();
  const looks = fc.array(fc.integer({ min: 1, max: 90 * 60_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(looks, fc.constantFrom("5 * * * *", "*/20 2-4 * * *", "30 2 * * *"), (gaps, cron) => {
      const fired: number[] = [];
      let due = nextTime(cron, zurich, new Date(start));
      let now = start;
      for (const gap of gaps) {
        now += gap;
        if (!due || due.getTime() > now) continue;
        const found = dueTimes({ cron, timeZone: zurich, missed: "all" }, due, new Date(now));
        fired.push(...found.fire.map((time) => time.getTime()));
        due = found.next;
      }
      const expected: number[] = [];
      for (let time = nextTime(cron, zurich, new Date(start)); time && time.getTime() <= now; ) {
        expected.push(time.getTime());
        time = nextTime(cron, zurich, time);
      }
      assert.deepEqual(fired, expected);
    }),
    { numRuns: 60 },
  );
});

test("a schedule that slept for weeks catches up as one that slept for hours", () => {
  const due = new Date("2026-11-01T00:00:00Z");
  const now = new Date("2026-11-20T10:05:30Z");
  const newest = new Date("2026-11-20T10:05:00Z");
  const minutely = { cron: "* * * * *", timeZone: "UTC" };
  for (const [missed, count] of [
    ["skip", 1],
    ["last", 1],
    ["all", MAX_CATCH_UP],
  ] as const) {
    const { fire, next, skipped } = dueTimes({ ...minutely, missed }, due, now);
    assert.deepEqual([fire.length, fire.at(-1), next], [count, newest, new Date("2026-11-20T10:06:00Z")]);
    assert.ok(skipped >= 1000);
    assert.deepEqual(
      fire,
      fire.toSorted((a, b) => a.getTime() - b.getTime()),
    );
  }
});
