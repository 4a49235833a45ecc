import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import type { KindRules } from "@agentmesh/resources";
import type { AlertingConfig } from "./config.ts";
import { type Channel, channelSpec, maySign, secretPrefix } from "./domain/channel.ts";
import { alertRuleSpec } from "./domain/rule.ts";
import { slaTargetSpec } from "./domain/sla.ts";
import { assertAllowed } from "./post-webhook.ts";
import { reachOf } from "./send-notifications.ts";
import { countOthers } from "./store/resources.ts";

/** A tenant's resources of a kind: every one of them is looked at each second. */
const MOST = { AlertRule: 500, SlaTarget: 200, Channel: 50 };

/** The kinds this service owns, and what their schemas cannot say. */
export function alertingKinds(config: AlertingConfig) {
  const Channel: KindRules<Omit<Channel, "tenant" | "name">> = {
    schema: channelSpec,
    async check(tx, tenant, name, spec) {
      await checkCount(tx, tenant, "Channel", name);
      const url = new URL(spec.url);
      assertAllowed(url, reachOf(config));
      if (spec.secretEnv !== undefined) checkSecret(config, tenant, spec.secretEnv);
    },
  };
  return {
    AlertRule: counted("AlertRule", { schema: alertRuleSpec }),
    SlaTarget: counted("SlaTarget", { schema: slaTargetSpec }),
    Channel,
  };
}

function counted<T>(kind: keyof typeof MOST, rules: KindRules<T>): KindRules<T> {
  return { ...rules, check: (tx, tenant, name) => checkCount(tx, tenant, kind, name) };
}

async function checkCount(tx: Queryable, tenant: string, kind: keyof typeof MOST, name: string): Promise<void> {
  if ((await countOthers(tx, tenant, kind, name)) < MOST[kind]) return;
  throw new AppError(
    "RESOURCE_EXHAUSTED",
    `${kind}/${name} would be more than the ${MOST[kind]} a tenant may have; delete what is no longer used`,
    { reason: "TOO_MANY", field: "name" },
  );
}

function checkSecret(config: AlertingConfig, tenant: string, secretEnv: string): void {
  const named = JSON.stringify(secretEnv.slice(0, 100));
  if (!maySign(tenant, secretEnv)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `secretEnv ${named} is not this tenant's; expected ${secretPrefix(tenant)} and a name of A-Z, 0-9 and single "_"`,
      { reason: "BAD_SECRET_NAME", field: "secretEnv" },
    );
  }
  if (config.secrets.has(secretEnv)) return;
  throw new AppError(
    "FAILED_PRECONDITION",
    `secretEnv ${named} is not set in the environment of the alerting service; have the operator set it`,
    { reason: "SECRET_NOT_SET", field: "secretEnv" },
  );
}
