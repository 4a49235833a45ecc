import { AppError } from "@agentmesh/errors";
import { compileMapping } from "@agentmesh/mapping";
import type { ReceiveWebhookReply, ReceiveWebhookRequest } from "@agentmesh/proto/orchestrator";
import { readResource } from "@agentmesh/resources";
import type { Context } from "../context.ts";
import type { Snapshots } from "../snapshots.ts";
import { applyOccasions } from "../triggers/apply-occasions.ts";
import { readJson } from "../triggers/read-json.ts";
import { type TriggerSpec, triggerSpec } from "../triggers/trigger-spec.ts";
import type { WebhookSecrets } from "../triggers/webhook-secrets.ts";
import { type Genuine, verifyWebhook } from "../triggers/webhook-signature.ts";
import { invalid, type Occasion, type Trigger, weighOccasion } from "../triggers/weigh-occasion.ts";

export type WebhookParts = { readonly snapshots: Snapshots; readonly secrets: WebhookSecrets };

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MAX_ID_CHARS = 256;

/**
 * Starts a workflow for a signed request, once for each delivery. Who has no secret learns nothing, not even whether
 * the trigger is there.
 */
export async function receiveWebhook(
  context: Context,
  { snapshots, secrets }: WebhookParts,
  request: ReceiveWebhookRequest,
): Promise<ReceiveWebhookReply> {
  const { tenant, trigger: name } = request;
  const spec = await readSpec(context, tenant, name);
  const genuine = spec && (await verify(context, secrets, spec, request));
  if (!genuine) {
    throw new AppError("UNAUTHENTICATED", "the request is not signed with this trigger's secret", {
      reason: "BAD_SIGNATURE",
    });
  }
  const trigger: Trigger = { tenant, name, spec, input: compileMapping(spec.input) };
  const policy = await snapshots.policyOf(tenant);
  const runAsUnknown = (await snapshots.exists("ServiceAccount", tenant, spec.runAs)) === false;
  const actor = `webhook:${name}`;
  const id = genuine.id.slice(0, MAX_ID_CHARS).replaceAll("\0", "\uFFFD");
  const arrival = { eventId: id, delivery: `webhook:${id}`, subject: actor, actor };
  const weighed = weighOccasion(trigger, arrival, policy, () => readOccasion(trigger, id, request));
  const [applied] = await context.db.transaction((tx) => applyOccasions(context, tx, trigger, [weighed], runAsUnknown));
  if (applied?.kind === "rejected") throw applied.error;
  return { runId: applied?.runId ?? "", duplicate: applied?.kind === "duplicate" };
}

async function readSpec(context: Context, tenant: string, name: string): Promise<TriggerSpec | undefined> {
  if (!NAME.test(tenant) || !NAME.test(name)) return undefined;
  const stored = await readResource(context.db, tenant, "Trigger", name);
  return stored && triggerSpec.parse(stored.spec);
}

async function verify(
  context: Context,
  secrets: WebhookSecrets,
  { webhook }: TriggerSpec,
  { tenant, trigger, headers, body }: ReceiveWebhookRequest,
): Promise<Genuine | undefined> {
  if (!webhook) return undefined;
  const verified = verifyWebhook(webhook, await secrets.of(tenant, webhook.secret), { headers, body }, Date.now());
  if (verified.genuine) return verified;
  context.log.warn({ tenant, trigger, reason: verified.why }, "webhook refused");
  return undefined;
}

function readOccasion(trigger: Trigger, id: string, { headers, body }: ReceiveWebhookRequest): Occasion {
  const { maxBytes } = trigger.spec;
  if (body.length > maxBytes) {
    throw invalid("TOO_LARGE", `the body has ${body.length} bytes, more than the trigger's maxBytes of ${maxBytes}`);
  }
  return {
    id,
    source: `webhook:${trigger.name}`,
    type: "webhook",
    subject: null,
    time: new Date(),
    data: readJson(headers["content-type"] ?? "application/json", body),
    dedupeKey: `event:webhook:${trigger.name}#${id}`,
    traceparent: headers.traceparent,
  };
}
