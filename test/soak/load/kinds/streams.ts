import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import { type AgentRun, AgentRun_State, type AgentRunEvent } from "@agentmesh/proto/runner";
import { wholeBelow } from "../../random.ts";
import type { Kind, Request } from "../kind.ts";

/** A reader is gone for that long at most before it resumes. */
const awayMs = 400;
/** A run goes on for that long at most before it is cancelled. */
const patienceMs = 1_500;
const endsWithinMs = 30_000;

/** What one reader saw of a run, over as many streams as it took. */
type Seen = { runId: string; seq: number; text: string; ended: AgentRun | undefined };

/** Read to its end. */
export const stream: Kind = {
  name: "stream",
  weight: 8,
  async run({ client, number, runs }) {
    const seen = nothing();
    await read(client.runner.streamAgent({ agent: "soak-stream", text: `Tell me of order ${number}.` }), seen);
    runs.ended(whole(seen));
  },
};

/** The reader leaves in the middle and comes back later, to where it was. */
export const resumed: Kind = {
  name: "resumed",
  weight: 6,
  async run({ client, number, random, runs }) {
    const seen = nothing();
    const few = 1 + wholeBelow(4, random);
    await read(client.runner.streamAgent({ agent: "soak-stream", text: `Tell me of order ${number}.` }), seen, few);
    runs.began(seen.runId);
    await wait(awayMs * random());
    await read(client.runner.resumeAgentRun({ id: seen.runId, afterSeq: seen.seq }), seen);
    runs.ended(whole(seen));
  },
};

/** Cancelled in the middle: by a call, or by its reader who leaves and had asked for that. */
export const cancelled: Kind = {
  name: "cancelled",
  weight: 6,
  async run(request) {
    const { client, number, random, runs } = request;
    const seen = nothing();
    const cancelOnDisconnect = random() < 0.5;
    const asked = { agent: "soak-slow", text: `Write about order ${number}.`, cancelOnDisconnect };
    for await (const event of client.runner.streamAgent(asked)) {
      see(event, seen);
      runs.began(seen.runId);
      await wait(patienceMs * random());
      break;
    }
    if (!cancelOnDisconnect) await client.runner.cancelAgentRun({ id: seen.runId });
    runs.ended(await awaitEnd(request, seen.runId), [AgentRun_State.CANCELLED]);
  },
};

function nothing(): Seen {
  return { runId: "", seq: 0, text: "", ended: undefined };
}

/** Reads on, at most `most` events. @throws Error where an event comes twice */
async function read(events: AsyncIterable<AgentRunEvent>, seen: Seen, most = Number.POSITIVE_INFINITY): Promise<void> {
  let count = 0;
  for await (const event of events) {
    see(event, seen);
    count += 1;
    if (count >= most) return;
  }
}

/** The gateway joins pieces of text, so numbers may be left out; none comes again. */
function see({ runId, seq, event }: AgentRunEvent, seen: Seen): void {
  if (seq <= seen.seq) throw new Error(`event ${seq} of run ${runId} came after event ${seen.seq}`);
  seen.runId = runId;
  seen.seq = seq;
  if (event?.$case === "textDelta") seen.text += event.value;
  if (event?.$case === "ended") seen.ended = event.value;
}

/** @throws Error where the pieces are not the answer */
function whole({ runId, ended, text }: Seen): AgentRun {
  if (!ended) throw new Error(`the stream of run ${runId} ended before the run did`);
  if (ended.state === AgentRun_State.SUCCEEDED && ended.text.trim() !== text.trim()) {
    throw new Error(`run ${runId} streamed ${text.length} characters, its answer has ${ended.text.length}`);
  }
  return ended;
}

function awaitEnd({ client }: Request, id: string): Promise<AgentRun> {
  return eventually(
    async () => {
      const run = await client.runner.getAgentRun({ id });
      return run.state !== AgentRun_State.RUNNING && run;
    },
    { what: `the end of the cancelled run ${id}`, timeoutMs: endsWithinMs },
  );
}
