import { Redis } from "ioredis";
import type pg from "pg";
import { connectNats } from "./connect-nats.ts";

/** What the servers say of themselves, by name. */
export async function serverVersions(
  urls: { readonly natsUrl: string; readonly redisUrl: string },
  sql: pg.Pool,
): Promise<Record<string, string>> {
  const { rows } = await sql.query<{ version: string; fsync: string }>(
    "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync",
  );
  const nats = await connectNats(urls.natsUrl);
  const natsVersion = nats.info?.version ?? "unknown";
  await nats.close();
  const redis = new Redis(urls.redisUrl);
  const redisVersion = /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "unknown";
  redis.disconnect();
  return { PostgreSQL: `${rows[0]?.version} (fsync ${rows[0]?.fsync})`, NATS: natsVersion, Redis: redisVersion };
}
