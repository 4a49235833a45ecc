import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { TestEnvironment } from "@agentmesh/harness";
import { createLogger } from "@agentmesh/telemetry";
import { type Database, type DatabaseOptions, openDatabase } from "../src/index.ts";

export const log = createLogger({ service: "cost", environment: "test", version: "0", level: "error" });

/** A folder of migrations as a service would ship it. */
export function migrationFolder(environment: TestEnvironment, files: Record<string, string>): URL {
  const root = join(environment.dir, "migrations");
  mkdirSync(root, { recursive: true });
  const folder = mkdtempSync(join(root, "set-"));
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return pathToFileURL(`${folder}/`);
}

export function open(environment: TestEnvironment, options: Partial<DatabaseOptions> = {}): Promise<Database> {
  return openDatabase({ url: environment.postgresUrl, schema: "cost", migrations: [], log, ...options });
}
