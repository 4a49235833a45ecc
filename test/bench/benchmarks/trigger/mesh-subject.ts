import { setTimeout as wait } from "node:timers/promises";
import { EVENTS_STREAM } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Subject } from "../../harness/benchmark.ts";
import { quantile } from "../../harness/statistics.ts";
import type { BenchMesh } from "../../mesh/open-mesh.ts";
import { eventSource, publisher, triggerName, workflowName } from "../../mesh/resources.ts";
import {
  flooded,
  floodInFlight,
  paced,
  pacedQuietly,
  perSecond,
  perSecondQuietly,
  warmUpEvents,
  withinMs,
} from "./load.ts";
import { eventPublisher } from "./publish-events.ts";
import { type Witness, witnessedType, witnessedWorkflow } from "./witness.ts";

const pollMs = 10;
/** How the orchestrator keys the run of an event. */
const dedupePrefix = `event:${publisher}:${eventSource}#`;

export type TriggerSubjectOptions = {
  /** NATS as the external publisher. */
  readonly outside: NatsConnection;
  /** NATS as the mesh's administrator. */
  readonly inside: NatsConnection;
  readonly witness: Witness;
};

export function meshSubject(bench: BenchMesh, { outside, inside, witness }: TriggerSubjectOptions): Subject {
  const events = eventPublisher(outside);
  async function latenciesAt(perSecond: number, count: number): Promise<Latencies> {
    const published = await events.paced(witnessedType, count, perSecond);
    await ended(bench, witnessedWorkflow, [...published.keys()]);
    return firstStepLatencies(bench, published, witness);
  }
  return {
    name: "agentmesh",
    what:
      `an external event, ${perSecond}/s, from its publishing until the first of its three steps ran, seen from outside: ` +
      `it calls an HTTP server of the benchmark; accepted_per_s: ${flooded} events at once, until a run of each was committed`,
    async measure() {
      await latenciesAt(perSecond, warmUpEvents);
      const quietly = await latenciesAt(perSecondQuietly, pacedQuietly);
      const latencies = await latenciesAt(perSecond, paced);
      const began = performance.now();
      const ids = await events.flood(flooded, floodInFlight);
      const publishedS = (performance.now() - began) / 1000;
      await consumed(inside);
      const acceptedS = (performance.now() - began) / 1000;
      await ended(bench, workflowName, ids);
      const endedS = (performance.now() - began) / 1000;
      return {
        figures: [
          { metric: "p50_ms", unit: "ms", value: quantile(latencies.ran, 0.5) },
          { metric: "p99_ms", unit: "ms", value: quantile(latencies.ran, 0.99) },
          { metric: "accepted_per_s", unit: "1/s", value: flooded / acceptedS },
        ],
        notes: [
          `${flooded} events: published after ${publishedS.toFixed(2)} s, all accepted after ${acceptedS.toFixed(2)} s, ` +
            `all of their workflows ended after ${endedS.toFixed(2)} s`,
          `ms after the publishing, p50 / p99: ${describe(latencies)}; ${witness.again} first steps ran more than once`,
          `the same at ${perSecondQuietly}/s: ${describe(quietly)}`,
        ],
      };
    },
  };
}

/** Waits until each event has a run that succeeded. */
async function ended(bench: BenchMesh, workflow: string, eventIds: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await bench.sql.query<{ state: string; count: number }>(
        `SELECT r.state, count(*)::int AS count FROM unnest($1::text[]) AS e (id)
         JOIN orchestrator.run r ON r.tenant = $2 AND r.workflow = $3 AND r.dedupe_key = $4 || e.id
         GROUP BY r.state`,
        [eventIds, bench.mesh.tenant, workflow, dedupePrefix],
      );
      const counts = new Map(rows.map((row) => [row.state, row.count]));
      if (counts.get("succeeded") === eventIds.length) return true;
      throw new Error(`of ${eventIds.length} events: ${JSON.stringify(Object.fromEntries(counts))}`);
    },
    { what: "the workflows of all events", timeoutMs: withinMs },
  );
}

/** Milliseconds after the publishing, of each event, at two moments of its way. */
type Latencies = {
  /** Its run's transaction began, by the database's clock. */
  readonly made: readonly number[];
  readonly ran: readonly number[];
  /** Of the first steps, how many came by the queue; the others were sent to a runner that had offered places. */
  readonly queued: number;
};

async function firstStepLatencies(
  bench: BenchMesh,
  published: ReadonlyMap<string, number>,
  witness: Witness,
): Promise<Latencies> {
  const { rows } = await bench.sql.query<{ id: string; made: number; queued: boolean }>(
    `SELECT e.id, (extract(epoch FROM r.created_at) * 1000)::float8 AS made, EXISTS (
       SELECT 1 FROM orchestrator.run_event v WHERE v.run = r.id AND v.events::text LIKE '%step.dispatched%') AS queued
     FROM unnest($1::text[]) AS e (id)
     JOIN orchestrator.run r ON r.tenant = $2 AND r.workflow = $3 AND r.dedupe_key = $4 || e.id`,
    [[...published.keys()], bench.mesh.tenant, witnessedWorkflow, dedupePrefix],
  );
  if (rows.length !== published.size) throw new Error(`${published.size} events gave ${rows.length} runs`);
  const ran = [...published].map(([id, atMs]) => (witness.calledAtMs(id) ?? Number.NaN) - atMs);
  if (ran.some(Number.isNaN)) throw new Error("a step is done that never called");
  const made = rows.map((row) => row.made - (published.get(row.id) ?? 0));
  return { made, ran, queued: rows.filter((row) => row.queued).length };
}

function describe({ made, ran, queued }: Latencies): string {
  const of = (values: readonly number[]) =>
    `${quantile(values, 0.5).toFixed(1)} / ${quantile(values, 0.99).toFixed(1)}`;
  return `run made ${of(made)}, first step ran ${of(ran)}, ${queued} of ${ran.length} by the queue`;
}

/** The trigger's consumer acknowledges an event after the commit of its run. */
async function consumed(inside: NatsConnection): Promise<void> {
  const jsm = await jetstreamManager(inside, { checkAPI: false });
  const deadline = performance.now() + withinMs;
  const consumers = await jsm.consumers.list(EVENTS_STREAM).next();
  const durable = consumers.find(({ name }) => name.includes(triggerName))?.name;
  if (durable === undefined) throw new Error(`the stream ${EVENTS_STREAM} has no consumer of ${triggerName}`);
  while (performance.now() < deadline) {
    const info = await jsm.consumers.info(EVENTS_STREAM, durable);
    if (info.num_pending === 0 && info.num_ack_pending === 0) return;
    await wait(pollMs);
  }
  throw new Error(`the consumer of ${triggerName} was not done within ${withinMs} ms`);
}
