import type { Queryable } from "@agentmesh/postgres";

type Row = { from: string; to: string[] };

/** What agents and tools lead to: `Agent/a` → its tools that are agents, `Tool/t` → the agent behind it. */
export async function readAgentEdges(
  db: Queryable,
  tenant: string,
  nodes: readonly string[],
): Promise<Map<string, string[]>> {
  const { rows } = await db.query<Row>(
    `SELECT 'Tool/' || name AS from, ARRAY['Agent/' || (spec::jsonb -> 'source' ->> 'agent')] AS to
       FROM resource
      WHERE tenant = $1 AND kind = 'Tool' AND NOT deleted AND spec::jsonb -> 'source' ->> 'type' = 'agent'
        AND 'Tool/' || name = ANY($2)
     UNION ALL
     SELECT 'Agent/' || agent.name, array_agg('Tool/' || tool.name)
       FROM resource AS agent
       JOIN resource AS tool ON tool.tenant = agent.tenant AND tool.kind = 'Tool' AND NOT tool.deleted
        AND tool.spec::jsonb -> 'source' ->> 'type' = 'agent' AND agent.spec::jsonb -> 'tools' ? tool.name
      WHERE agent.tenant = $1 AND agent.kind = 'Agent' AND NOT agent.deleted AND 'Agent/' || agent.name = ANY($2)
      GROUP BY agent.name`,
    [tenant, nodes],
  );
  return new Map(rows.map(({ from, to }) => [from, to]));
}
