import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import { LRUCache } from "lru-cache";
import { compileInputSchema, type InputCheck } from "../domain/input-schema.ts";
import { compilePlan, type Plan } from "../domain/plan.ts";
import { compileTeam } from "../domain/team/compile-team.ts";
import { teamSpec } from "../domain/team/team-spec.ts";
import { workflowSpec } from "../domain/workflow-spec.ts";

/** A version of a workflow, made ready. It never changes, so it is remembered as long as there is room. */
export type Definition = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly plan: Plan;
  readonly checkInput: InputCheck;
};

export type DefinitionRef = { readonly tenant: string; readonly workflow: string; readonly version: number };

export type Definitions = {
  /** @throws AppError DATA_LOSS when a version that a run is pinned to is not there */
  get(db: Queryable, ref: DefinitionRef): Promise<Definition>;
};

const MAX_REMEMBERED = 1000;
const TEAM = "team:";

export function createDefinitions(): Definitions {
  const remembered = new LRUCache<string, Definition>({ max: MAX_REMEMBERED });
  return {
    async get(db, { tenant, workflow, version }) {
      const key = `${tenant}/${workflow}@${version}`;
      const known = remembered.get(key);
      if (known) return known;
      const stored = await readSpec(db, tenant, workflow, version);
      const isTeam = workflow.startsWith(TEAM);
      const plan = compilePlan(isTeam ? compileTeam(teamSpec.parse(stored)) : workflowSpec.parse(stored));
      const definition = { tenant, name: workflow, version, plan, checkInput: compileInputSchema(plan.spec.input) };
      remembered.set(key, definition);
      return definition;
    },
  };
}

async function readSpec(db: Queryable, tenant: string, workflow: string, version: number): Promise<unknown> {
  const { rows } = await db.query<{ spec: unknown }>(
    "SELECT spec FROM resource_version WHERE tenant = $1 AND kind = $2 AND name = $3 AND version = $4",
    [tenant, ...kindAndName(workflow), version],
  );
  const [row] = rows;
  if (row) return row.spec;
  throw new AppError(
    "DATA_LOSS",
    `version ${version} of ${kindAndName(workflow).join("/")} of ${tenant} is gone, and runs are pinned to it`,
  );
}

/** The resource a workflow comes from: a Workflow, or a Team for `team:<name>`. */
function kindAndName(workflow: string): [kind: string, name: string] {
  return workflow.startsWith(TEAM) ? ["Team", workflow.slice(TEAM.length)] : ["Workflow", workflow];
}

export type CurrentVersions = {
  /** Those that do not exist are left out. Keys: `tenant/name`. */
  readonly versions: ReadonlyMap<string, number>;
  /** By the database's clock, which all that happens to a run is timed by. */
  readonly nowMs: number;
};

/** The current version of each workflow asked for. */
export async function currentVersions(
  db: Queryable,
  asked: readonly { readonly tenant: string; readonly workflow: string }[],
): Promise<CurrentVersions> {
  const unique = [...new Map(asked.map((one) => [`${one.tenant}/${one.workflow}`, one])).values()];
  const { rows } = await db.query<{ tenant: string; name: string; version: number | null; now: Date }>(
    `SELECT a.tenant, a.workflow AS name, r.version, clock_timestamp() AS now
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS a (tenant, workflow, kind, name)
     LEFT JOIN resource r ON r.tenant = a.tenant AND r.kind = a.kind AND r.name = a.name AND NOT r.deleted`,
    [
      unique.map((one) => one.tenant),
      unique.map((one) => one.workflow),
      unique.map((one) => kindAndName(one.workflow)[0]),
      unique.map((one) => kindAndName(one.workflow)[1]),
    ],
  );
  const known = rows.flatMap(({ tenant, name, version }) =>
    version === null ? [] : [[`${tenant}/${name}`, version] as const],
  );
  return { versions: new Map(known), nowMs: rows[0]?.now.getTime() ?? Date.now() };
}
