// After the chaos: what was started, what was done in the world outside, and what is in the books must agree.
import { eventually } from "@agentmesh/harness";
import { AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import type { FaultMesh } from "../mesh/fault-mesh.ts";
import type { DrivenRun } from "./driver.ts";

export type Verdict = {
  readonly problems: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
};

const restWithinMs = 60_000;

export async function judge(mesh: FaultMesh, runs: readonly DrivenRun[]): Promise<Verdict> {
  const { book } = mesh.effects;
  const problems = [
    ...(await judgeRuns(mesh, runs)),
    ...book.doubles().map((double) => `applied more than once: ${double}`),
    ...(await openRows(mesh)),
    ...(await notAtRest(mesh)),
    ...(await judgeLedger(mesh)),
    ...(await judgeAudit(mesh)),
  ];
  return { problems, figures: { ...(await figuresOf(mesh)), calls: book.calls, applied: book.applied().length } };
}

type Row = {
  id: string;
  key: string;
  state: string;
  ended: boolean;
  approval: string | null;
  done: Record<string, number>;
};

async function judgeRuns(mesh: FaultMesh, runs: readonly DrivenRun[]): Promise<string[]> {
  const { rows } = await mesh.sql.query<Row>(
    `SELECT r.id, r.dedupe_key AS key, r.state, r.ended_at IS NOT NULL AS ended,
       (SELECT state FROM orchestrator.approval a WHERE a.run = r.id) AS approval,
       (SELECT coalesce(json_object_agg(s.node || CASE WHEN s.shard > 0 THEN '#' || s.shard ELSE '' END, s.done_seq), '{}')
        FROM orchestrator.step s WHERE s.run = r.id AND s.state = 'succeeded') AS done
     FROM orchestrator.run r WHERE r.dedupe_key = ANY($1)`,
    [runs.map(({ mark }) => mark)],
  );
  const byKey = Map.groupBy(rows, ({ key }) => key);
  return runs.flatMap((run) => {
    const [row, ...more] = byKey.get(run.mark) ?? [];
    const name = `${run.shape.name} ${run.mark} (${row?.id ?? "no run"})`;
    if (!row) return [`${name}: lost`];
    if (more.length > 0) return [`${name}: ${more.length + 1} runs`];
    if (!row.ended) return [`${name}: has not ended, it is ${row.state}`];
    const ended = { state: row.state, approval: row.approval ?? undefined, doneSeq: new Map(Object.entries(row.done)) };
    return run.shape.judge(ended, mesh.effects.book.applied(run.mark), run.input).map((wrong) => `${name}: ${wrong}`);
  });
}

/** Of ended runs nothing is under way, of no run there are two histories, and no step started two children. */
async function openRows({ sql }: FaultMesh): Promise<string[]> {
  const { rows } = await sql.query<{ what: string }>(
    `SELECT 'step ' || s.run || '/' || node || '#' || shard || ' is ' || s.state AS what
       FROM orchestrator.step s JOIN orchestrator.run r ON r.id = s.run
       WHERE r.ended_at IS NOT NULL AND s.state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled')
     UNION ALL SELECT 'approval of ' || run || ' is pending' FROM orchestrator.approval WHERE state = 'pending'
     UNION ALL SELECT 'a wait of ' || run || ' is left' FROM orchestrator.event_wait
     UNION ALL SELECT 'a signal for ' || run || ' is left' FROM orchestrator.run_signal
     UNION ALL SELECT 'run ' || id || ' (' || workflow || ') is ' || state FROM orchestrator.run WHERE ended_at IS NULL
     UNION ALL SELECT 'run ' || run || ' has two histories at ' || seq FROM orchestrator.run_event
       GROUP BY run, seq HAVING count(*) > 1
     UNION ALL SELECT 'step ' || parent_run || '/' || parent_node || ' has ' || count(*) || ' child runs'
       FROM orchestrator.run WHERE parent_run IS NOT NULL GROUP BY parent_run, parent_node, parent_shard
       HAVING count(*) > 1`,
  );
  return rows.map(({ what }) => what);
}

/** What is there only while something is under way. */
const passing = {
  "events in the orchestrator's outbox": "SELECT count(*) FROM orchestrator.outbox",
  "events in the agent-runner's outbox": "SELECT count(*) FROM agent_runner.outbox",
  "live agent runs": "SELECT count(*) FROM agent_runner.live_run",
  "holds of money": "SELECT count(*) FROM cost.hold",
} as const;

async function notAtRest({ sql }: FaultMesh): Promise<string[]> {
  const problems = Object.entries(passing).map(async ([what, query]) => {
    let left = Number.NaN;
    const isAtRest = async () => {
      left = Number((await sql.query<{ count: string }>(query)).rows[0]?.count);
      return left === 0;
    };
    return eventually(isAtRest, { what, timeoutMs: restWithinMs }).then(
      () => [],
      () => [`${left} ${what} are left after ${restWithinMs / 1000} s`],
    );
  });
  return (await Promise.all(problems)).flat();
}

/** Each call of a model by a run that succeeded has one row, and no attempt has two. Rows travel as events. */
async function judgeLedger({ sql }: FaultMesh): Promise<string[]> {
  let problems: string[] = [];
  const look = async () => {
    const { rows: runs } = await sql.query<{ id: string; record: Uint8Array }>(
      "SELECT id, record FROM agent_runner.agent_run",
    );
    const { rows: ledger } = await sql.query<{ run_id: string; paid: string; doubled: string }>(
      `SELECT run_id, count(*) FILTER (WHERE NOT cache_hit) AS paid, count(*) - count(DISTINCT attempt_id) AS doubled
       FROM cost.ledger GROUP BY run_id`,
    );
    const paid = new Map(ledger.map((row) => [row.run_id, Number(row.paid)]));
    problems = [
      ...ledger.filter(({ doubled }) => doubled !== "0").map(({ run_id }) => `agent run ${run_id} is charged twice`),
      ...runs.flatMap(({ id, record }) => {
        const { state, usage } = AgentRun.decode(record);
        const wanted = usage?.modelCalls ?? 0;
        const found = paid.get(id) ?? 0;
        if (state !== AgentRun_State.SUCCEEDED || wanted === found) return [];
        return [`agent run ${id} made ${wanted} model calls, the ledger has ${found}`];
      }),
    ];
    return problems.length === 0;
  };
  await eventually(look, { what: "the ledger", timeoutMs: restWithinMs }).catch(() => undefined);
  return problems;
}

/** The trail verifies against a signed checkpoint, and each decision that counted is in it once. */
async function judgeAudit(mesh: FaultMesh): Promise<string[]> {
  let problems = ["the audit trail was not looked at"];
  const look = async () => {
    const audit = await mesh.verifyAudit();
    const { rows } = await mesh.sql.query<{ decided: string; entries: string }>(
      `SELECT (SELECT count(*) FROM orchestrator.approval WHERE state IN ('approved', 'rejected')) AS decided,
         (SELECT count(*) FROM compliance.audit_entry WHERE action IN ('approval.approved', 'approval.rejected')) AS entries`,
    );
    const [counts] = rows;
    problems = [
      ...audit.problems,
      ...(audit.verified ? [] : ["the audit trail does not verify"]),
      ...(audit.checkpoints > 0 ? [] : ["the audit trail has no signed checkpoint"]),
      ...(counts?.decided === counts?.entries
        ? []
        : [`${counts?.decided} approvals decided, ${counts?.entries} audited`]),
    ];
    return problems.length === 0;
  };
  await eventually(look, { what: "the audit trail", timeoutMs: restWithinMs }).catch(() => undefined);
  return problems;
}

async function figuresOf({ sql }: FaultMesh): Promise<Record<string, number>> {
  const { rows } = await sql.query<Record<string, string>>(
    `SELECT (SELECT count(*) FROM orchestrator.run) AS runs, (SELECT count(*) FROM orchestrator.step) AS steps,
       (SELECT coalesce(sum(takeovers), 0) FROM orchestrator.step) AS takeovers,
       (SELECT count(*) FROM orchestrator.step WHERE node LIKE '%~undo' AND state = 'succeeded') AS undone,
       (SELECT count(*) FROM orchestrator.approval) AS approvals,
       (SELECT count(*) FROM cost.ledger) AS "ledger rows",
       (SELECT count(*) FROM compliance.audit_entry) AS "audit entries"`,
  );
  return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, count]) => [name, Number(count)]));
}
