import { describeError } from "@agentmesh/errors";
import type { Context } from "./context.ts";
import { rootOf } from "./domain/merkle.ts";
import { originOf } from "./domain/signed-note.ts";
import { publishCheckpoint } from "./published-checkpoint.ts";
import { insertCheckpoint, tenantsToSign } from "./store/checkpoints.ts";
import { readTree } from "./store/trail.ts";

/** Signs the head of each tree that grew, every `checkpointMs`. Replicas may sign the same head; one row is kept. */
export function startSigning(context: Context, checkpointMs: number): AsyncDisposable {
  let running = Promise.resolve();
  async function signAll(): Promise<void> {
    try {
      for (const tenant of await tenantsToSign(context.db)) await signHead(context, tenant);
    } catch (error) {
      context.log.warn({ reason: describeError(error) }, "checkpoints not signed; tried again soon");
    }
  }
  const timer = setInterval(() => {
    running = running.then(signAll);
  }, checkpointMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
      await signAll();
    },
  };
}

async function signHead(context: Context, tenant: string): Promise<void> {
  const tree = await readTree(context.db, tenant);
  const note = context.signer.sign({ origin: originOf(tenant), size: tree.size, root: rootOf(tree) });
  if (!(await insertCheckpoint(context.db, tenant, tree.size, note))) return;
  context.metrics.checkpointSigned();
  await publishCheckpoint(context.bus, tenant, note);
}
