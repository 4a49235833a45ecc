// node service/src/break-glass.ts --tenant acme --username admin --reason "the identity provider is down, ticket 4711"
// In the environment of auth: its database and master key are what entitles to it. Nothing of this goes over the network.
import { parseArgs } from "node:util";
import { describeError } from "@agentmesh/errors";
import { openDatabase } from "@agentmesh/postgres";
import { createLogger } from "@agentmesh/telemetry";
import { loadAuthConfig } from "./config.ts";
import { deriveKey, loadMasterKey } from "./credentials/master-key.ts";
import { type BreakGlass, openBreakGlass } from "./open-break-glass.ts";

try {
  await run(readArguments());
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}

function readArguments(): BreakGlass {
  const text = { type: "string", default: "" } as const;
  const { values } = parseArgs({ options: { tenant: text, username: text, reason: text } });
  return values;
}

async function run(request: BreakGlass): Promise<void> {
  const { masterKeyFile, postgres, environment } = loadAuthConfig();
  const log = createLogger({ service: "auth", environment, version: "", level: "error" });
  const refreshKey = deriveKey(loadMasterKey(masterKeyFile), "refresh-token");
  // The service keeps the tables; this only uses them.
  await using db = await openDatabase({ url: postgres.url, schema: "auth", migrations: [], log, maxConnections: 1 });
  const { refreshToken, expiresAt } = await openBreakGlass(db, refreshKey, request, new Date());
  process.stdout.write(`A session of ${request.username} until ${expiresAt.toISOString()}; audited, and alerts are told.
Trade this token for an access token, once: POST /v1/auth/refresh {"refresh_token": "…"}
${refreshToken}
`);
}
