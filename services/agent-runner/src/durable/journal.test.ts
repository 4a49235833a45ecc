import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { AgentRunEvent } from "@agentmesh/proto/runner";
import { createLogger } from "@agentmesh/telemetry";
import { openJournal } from "./journal.ts";

const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });

function text(events: readonly AgentRunEvent[]): string {
  return events.map(({ event }) => (event?.$case === "textDelta" ? event.value : "")).join("");
}

/** Lets what was begun come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

function open(append: (events: readonly AgentRunEvent[]) => Promise<"stored" | "fenced"> = async () => "stored") {
  const batches: AgentRunEvent[][] = [];
  let fencings = 0;
  const journal = openJournal({
    runId: "r",
    lastSeq: 3,
    log,
    async append(events) {
      batches.push([...events]);
      return append(events);
    },
    onFenced: () => {
      fencings += 1;
    },
  });
  return { journal, batches, fencings: () => fencings };
}

const say = (value: string) => ({ $case: "textDelta", value }) as const;
const tool = { $case: "restarted", value: { attempt: 2, reason: "OWNER_LOST" } } as const;

test("the first piece leaves at once, what follows is joined for 50 ms, or until it is urgent", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { journal, batches } = open();
  journal.emit(say("a"));
  await settle();
  assert.deepEqual(batches.map(text), ["a"]);
  for (const piece of ["b", "c", "d"]) journal.emit(say(piece));
  await settle();
  assert.equal(batches.length, 1);
  t.mock.timers.tick(50);
  await settle();
  assert.deepEqual(batches.map(text), ["a", "bcd"]);
  journal.emit(say("x".repeat(2_048)));
  await settle();
  assert.equal(batches.length, 3, "a full batch does not wait");
  journal.emit(say("e"));
  journal.emit(tool);
  await settle();
  assert.deepEqual(
    batches.at(-1)?.map(({ seq, event }) => [seq, event?.$case]),
    [
      [7, "textDelta"],
      [8, "restarted"],
    ],
  );
});

test("what could not be stored is tried again under the same numbers, or goes along with the end", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let fails = 2;
  const { journal, batches } = open(async () => {
    if (fails-- > 0) throw new Error("the database is away");
    return "stored";
  });
  journal.emit(say("a"));
  await settle();
  journal.emit(say("b"));
  t.mock.timers.tick(500);
  await settle();
  assert.deepEqual(
    batches.map((events) => events.map(({ seq }) => seq)),
    [[4], [4, 5]],
  );
  const tail = await journal.close(tool);
  assert.deepEqual(
    tail.map(({ seq, event }) => [seq, event?.$case]),
    [
      [4, "textDelta"],
      [5, "textDelta"],
      [6, "restarted"],
    ],
  );
  journal.emit(say("late"));
  t.mock.timers.tick(5_000);
  await settle();
  assert.equal(batches.length, 2);
});

test("a fenced run writes no more", async () => {
  const { journal, batches, fencings } = open(async () => "fenced");
  journal.emit(say("a"));
  await settle();
  journal.emit(say("b"));
  await settle();
  assert.deepEqual([batches.length, fencings()], [1, 1]);
  mock.reset();
});
