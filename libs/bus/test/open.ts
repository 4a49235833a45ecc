import type { TestEnvironment } from "@agentmesh/harness";
import { type Database, openDatabase } from "@agentmesh/postgres";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { type Bus, busMigrations, connectBus } from "../src/index.ts";

export const log = createLogger({ service: "cost", environment: "test", version: "0", level: "fatal" });

export function openBus(environment: TestEnvironment, service = "cost"): Promise<Bus> {
  return connectBus({ url: environment.natsUrl, service, log, metrics: createMetrics({}) });
}

/** A database with the bus's tables and `applied`, into which handlers write one row for each event. */
export async function openDb(environment: TestEnvironment): Promise<Database> {
  const db = await openDatabase({ url: environment.postgresUrl, schema: "cost", migrations: [busMigrations], log });
  await db.query("CREATE TABLE IF NOT EXISTS applied (consumer text NOT NULL, id text NOT NULL)");
  return db;
}

export type Happened = { id: string };

/** An event of the test's own; its codec refuses what is not JSON. */
export function happened(type: string, publisher = "cost") {
  return {
    type,
    publisher,
    key: "id",
    message: {
      encode: (message: Happened) => ({ finish: () => Buffer.from(JSON.stringify(message)) }),
      decode: (input: Uint8Array): Happened => JSON.parse(Buffer.from(input).toString()),
      fromPartial: (partial: Happened): Happened => partial,
    },
  } as const;
}

/** What a consumer applied, each event as often as its handler ran. */
export async function appliedBy(db: Database, consumer: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>("SELECT id FROM applied WHERE consumer = $1 ORDER BY id", [consumer]);
  return rows.map((row) => row.id);
}
