import { setTimeout as wait } from "node:timers/promises";
import { EVENTS_STREAM } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Subject } from "../../harness/benchmark.ts";
import { quantile } from "../../harness/statistics.ts";
import type { BenchMesh } from "../../mesh/open-mesh.ts";
import { eventSource, publisher, stepIds, triggerName, workflowName } from "../../mesh/resources.ts";
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

const pollMs = 10;
/** How the orchestrator keys the run of an event. */
const dedupePrefix = `event:${publisher}:${eventSource}#`;

/** @param outside NATS as the external publisher; `inside` as the mesh's administrator */
export function meshSubject(bench: BenchMesh, outside: NatsConnection, inside: NatsConnection): Subject {
  const events = eventPublisher(outside);
  return {
    name: "agentmesh",
    what:
      `an external event, ${perSecond}/s, from its publishing until a runner had claimed the first of its three steps ` +
      `from the queue (the database's time; the other two come with the answer to a result); accepted_per_s: ${flooded} events at once, until a run of each was committed`,
    async measure() {
      await ended(bench, [...(await events.paced(warmUpEvents, perSecond)).keys()]);
      const quiet = await events.paced(pacedQuietly, perSecondQuietly);
      await ended(bench, [...quiet.keys()]);
      const quietly = await firstStepLatencies(bench, quiet);
      const published = await events.paced(paced, perSecond);
      await ended(bench, [...published.keys()]);
      const latencies = await firstStepLatencies(bench, published);
      const began = performance.now();
      const ids = await events.flood(flooded, floodInFlight);
      const publishedS = (performance.now() - began) / 1000;
      await consumed(inside);
      const acceptedS = (performance.now() - began) / 1000;
      await ended(bench, ids);
      const endedS = (performance.now() - began) / 1000;
      return {
        figures: [
          { metric: "p50_ms", unit: "ms", value: quantile(latencies.started, 0.5) },
          { metric: "p99_ms", unit: "ms", value: quantile(latencies.started, 0.99) },
          { metric: "accepted_per_s", unit: "1/s", value: flooded / acceptedS },
        ],
        notes: [
          `${flooded} events: published after ${publishedS.toFixed(2)} s, all accepted after ${acceptedS.toFixed(2)} s, ` +
            `all of their workflows ended after ${endedS.toFixed(2)} s`,
          `ms after the publishing, p50 / p99: ${describe("run made", latencies.created)}, ` +
            `${describe("claimed", latencies.started)}; ${latencies.again} were claimed more than once`,
          `the same at ${perSecondQuietly}/s: ${describe("run made", quietly.created)}, ` +
            `${describe("claimed", quietly.started)}`,
        ],
      };
    },
  };
}

/** Waits until each event has a run that succeeded. */
async function ended(bench: BenchMesh, eventIds: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await bench.sql.query<{ state: string; count: number }>(
        `SELECT r.state, count(*)::int AS count FROM unnest($1::text[]) AS e (id)
         JOIN orchestrator.run r ON r.tenant = $2 AND r.workflow = $3 AND r.dedupe_key = $4 || e.id
         GROUP BY r.state`,
        [eventIds, bench.mesh.tenant, workflowName, dedupePrefix],
      );
      const counts = new Map(rows.map((row) => [row.state, row.count]));
      if (counts.get("succeeded") === eventIds.length) return true;
      throw new Error(`of ${eventIds.length} events: ${JSON.stringify(Object.fromEntries(counts))}`);
    },
    { what: "the workflows of all events", timeoutMs: withinMs },
  );
}

/** Milliseconds after the publishing, of each event, at two moments of its way. */
type Latencies = { readonly created: number[]; readonly started: number[]; readonly again: number };

async function firstStepLatencies(bench: BenchMesh, published: ReadonlyMap<string, number>): Promise<Latencies> {
  const { rows } = await bench.sql.query<{ id: string; created: number; started: number; epoch: number }>(
    `SELECT e.id, s.epoch, (extract(epoch FROM r.created_at) * 1000)::float8 AS created,
       (extract(epoch FROM s.started_at) * 1000)::float8 AS started
     FROM unnest($1::text[]) AS e (id)
     JOIN orchestrator.run r ON r.tenant = $2 AND r.workflow = $3 AND r.dedupe_key = $4 || e.id
     JOIN orchestrator.step s ON s.run = r.id AND s.node = $5`,
    [[...published.keys()], bench.mesh.tenant, workflowName, dedupePrefix, stepIds[0]],
  );
  if (rows.length !== published.size) throw new Error(`${published.size} events gave ${rows.length} first steps`);
  const after = (moment: "created" | "started") => rows.map((row) => row[moment] - (published.get(row.id) ?? 0));
  // A step that was handed out again tells of its last claim.
  const again = rows.filter((row) => row.epoch > 1).length;
  return { created: after("created"), started: after("started"), again };
}

function describe(name: string, latencies: readonly number[]): string {
  return `${name} ${quantile(latencies, 0.5).toFixed(1)} / ${quantile(latencies, 0.99).toFixed(1)}`;
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
