import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import { LRUCache } from "lru-cache";

export type WebhookSecrets = {
  /** The secrets of a name, any of which counts; none when there is no such file. */
  of(tenant: string, name: string): Promise<readonly string[]>;
};

// Short, so that a secret that is rotated or withdrawn is so at once as people see it; long enough that nobody who
// sends rubbish makes the disk work.
const REMEMBERED_MS = 5_000;
const MAX_REMEMBERED = 1_000;
const MAX_SECRETS = 5;
/** Parts of the file's name: nothing in them leads out of the folder. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * Secrets as the operator keeps them: files `<tenant>.<name>` in a folder, one secret a line. They are read again and
 * again, so that a mounted Kubernetes secret may change while the service runs.
 *
 * @param folder empty: there are none
 */
export function openWebhookSecrets(folder: string, log: Logger): WebhookSecrets {
  const remembered = new LRUCache<string, Promise<readonly string[]>>({ max: MAX_REMEMBERED, ttl: REMEMBERED_MS });

  async function read(file: string): Promise<readonly string[]> {
    try {
      const lines = (await readFile(join(folder, file), "utf8")).split(/\r?\n/).map((line) => line.trim());
      return lines.filter((line) => line !== "").slice(0, MAX_SECRETS);
    } catch (error) {
      log.warn(
        { file, reason: describeError(error) },
        "a trigger's secret cannot be read, so its webhooks are refused",
      );
      return [];
    }
  }

  return {
    async of(tenant, name) {
      if (folder === "" || !NAME.test(tenant) || !NAME.test(name)) return [];
      const file = `${tenant}.${name}`;
      const known = remembered.get(file);
      if (known) return known;
      const found = read(file);
      remembered.set(file, found);
      return found;
    },
  };
}
