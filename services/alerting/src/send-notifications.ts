import { describeError } from "@agentmesh/errors";
import { backoffMs } from "@agentmesh/resilience";
import type { Context } from "./context.ts";
import { type Channel, compileChannel } from "./domain/channel.ts";
import { postWebhook, type Reach } from "./post-webhook.ts";
import { type Repeated, repeat } from "./repeat.ts";
import { type Claimed, claimDue, finishSend, type Outcome } from "./store/notifications.ts";
import { type Declared, declaredOf } from "./store/resources.ts";

const MAX_IN_FLIGHT = 32;
const MAX_PER_CHANNEL = 4;
const LOOK_EVERY_MS = 500;
/** Beyond a send's time limit, for recording how it went. */
const RECORD_MS = 1000;

export type Sender = Repeated;

/**
 * Sends what is due while this replica holds the lease. `sending` is on disk before a request leaves: whoever finds it
 * there after its time knows that it may have arrived, and sends it again under the same key.
 */
export function startSender(context: Context): Sender {
  const { db, lease, log, config } = context;
  const inFlight = new Set<Promise<void>>();

  async function look(): Promise<void> {
    if (!lease.held || inFlight.size >= MAX_IN_FLIGHT) return;
    const claimed = await lease.transaction((tx) =>
      claimDue(tx, {
        limit: MAX_IN_FLIGHT - inFlight.size,
        perChannel: MAX_PER_CHANNEL,
        orphanMs: config.webhooks.timeoutMs + RECORD_MS,
      }),
    );
    if (claimed.length === 0) return;
    const tenants = [...new Set(claimed.map(({ tenant }) => tenant))];
    const channels = await declaredOf(db, tenants, "Channel");
    for (const each of claimed) {
      const row = channels.find(({ tenant, name }) => tenant === each.tenant && name === each.channel);
      const sending = sendOne(context, each, row)
        .catch((error) => log.warn({ id: each.id, reason: describeError(error) }, "how a send went is not recorded"))
        .finally(() => {
          inFlight.delete(sending);
          // A `resolved` may have waited for this one.
          looking.wake();
        });
      inFlight.add(sending);
    }
  }

  const looking = repeat({ name: "notifications", everyMs: LOOK_EVERY_MS, log, run: look });
  return {
    wake: looking.wake,
    async [Symbol.asyncDispose]() {
      await looking[Symbol.asyncDispose]();
      await Promise.all(inFlight);
    },
  };
}

async function sendOne(context: Context, claimed: Claimed, declared: Declared | undefined): Promise<void> {
  const outcome = await attempt(context, claimed, declared);
  context.metrics.sent(outcome.state === "pending" ? "failed" : outcome.state);
  await finishSend(context.db, claimed, outcome);
  if (outcome.state === "sent") return;
  const { tenant, channel: name, dedupe_key, attempts } = claimed;
  const fields = { tenant, channel: name, key: dedupe_key, attempts, reason: outcome.error };
  if (outcome.state === "pending") context.log.warn(fields, "notification not sent; it is tried again");
  else context.log.error(fields, "notification given up");
}

async function attempt(context: Context, claimed: Claimed, declared: Declared | undefined): Promise<Outcome> {
  if (!declared) return { state: "cancelled", error: `the channel ${claimed.channel} is gone` };
  const { config } = context;
  const { timeoutMs, attempts, retryMs, maxRetryMs } = config.webhooks;
  try {
    const channel = compileChannel(declared.tenant, declared.name, declared.spec);
    await postWebhook({
      url: channel.url,
      body: claimed.body,
      key: claimed.dedupe_key,
      secret: secretOf(context, channel),
      reach: reachOf(config),
      timeoutMs,
      now: new Date(),
    });
    return { state: "sent" };
  } catch (error) {
    if (claimed.attempts >= attempts) return { state: "dead", error: describeError(error) };
    const backoff = { delayMs: retryMs, maxDelayMs: maxRetryMs };
    // At least half the delay: a receiver that is down is given time.
    return {
      state: "pending",
      error: describeError(error),
      delayMs: backoffMs(claimed.attempts, backoff, 0.5 + Math.random() / 2),
    };
  }
}

function secretOf(context: Context, channel: Channel): string | undefined {
  if (channel.secretEnv === undefined) return undefined;
  const secret = context.config.secrets.get(channel.secretEnv);
  if (secret !== undefined) return secret;
  // Better late than unsigned.
  throw new Error(`${channel.secretEnv} is not set in the alerting service; set it and start it again`);
}

/** What the settings let webhooks reach. */
export function reachOf(config: Pick<Context["config"], "environment" | "webhooks">): Reach {
  const { reach } = config.webhooks;
  if (reach !== "auto") return reach;
  return config.environment === "development" || config.environment === "test" ? "loopback" : "none";
}
