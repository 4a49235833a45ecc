import type { Queryable } from "@agentmesh/postgres";
import { RUN_HEAD_COLUMNS, type RunRow, type StoredRun, toRun } from "./run-rows.ts";
import { isCut, smallValue } from "./small-value.ts";
import { byKey, STEP_HEAD_COLUMNS, type StepRow } from "./step-rows.ts";

/** The most JSON of one run or page that is brought into memory for a reply; what is over it is cut. */
const MAX_READ_BYTES = 6 * 1024 * 1024;

const NO_STEPS = new Map();

/** A run without steps, or undefined. */
export async function readRun(db: Queryable, tenant: string, id: string): Promise<StoredRun | undefined> {
  const { rows } = await db.query<RunRow>(
    `SELECT ${RUN_HEAD_COLUMNS}, input, output FROM run WHERE id = $1 AND tenant = $2`,
    [id, tenant],
  );
  const [row] = rows;
  return row && toRun(row, NO_STEPS);
}

/** The workflow of a run; undefined: the tenant has no such run. */
export async function workflowOfRun(db: Queryable, tenant: string, id: string): Promise<string | undefined> {
  const text = "SELECT workflow FROM run WHERE id = $1 AND tenant = $2";
  const { rows } = await db.query<{ workflow: string }>(text, [id, tenant]);
  return rows[0]?.workflow;
}

/** What of a step is large; undefined: cut, for it did not fit. */
export type ReadStep = {
  readonly step: StoredStep;
  readonly input: unknown;
  readonly inputCut: boolean;
  readonly outputCut: boolean;
};

type StoredStep = ReturnType<typeof stepOf>;

type ReadRow = StepRow & { input: unknown; input_cut: boolean; output_cut: boolean };

// Rows in order take of the room until it is full: both values of a row or none.
const VALUES = `CASE WHEN fits THEN input END AS input, CASE WHEN fits THEN output END AS output,
  NOT fits AS input_cut, NOT fits AND output IS NOT NULL AS output_cut`;
const ROOM = `sum(octet_length(input::text) + coalesce(octet_length(output::text), 0)) OVER (ORDER BY node, shard)
  <= ${MAX_READ_BYTES} AS fits`;

/** Steps of a run by their node, shard 0. */
export async function readHeads(db: Queryable, run: string, nodes: readonly string[]): Promise<ReadStep[]> {
  const { rows } = await db.query<ReadRow>(
    `SELECT ${STEP_HEAD_COLUMNS}, ${VALUES} FROM (
       SELECT s.*, ${ROOM} FROM unnest($2::text[]) AS a (node) JOIN step s USING (node) WHERE s.run = $1 AND s.shard = 0
     ) AS s`,
    [run, nodes],
  );
  return rows.map(toRead);
}

/** One step with its values, however large. */
export async function readStep(db: Queryable, run: string, node: string, shard: number): Promise<ReadStep | undefined> {
  const { rows } = await db.query<ReadRow>(
    `SELECT ${STEP_HEAD_COLUMNS}, input, output, false AS input_cut, false AS output_cut FROM step
     WHERE run = $1 AND node = $2 AND shard = $3`,
    [run, node, shard],
  );
  const [row] = rows;
  return row && toRead(row);
}

export type StepPage = {
  readonly run: string;
  /** Empty: all. */
  readonly node: string;
  /** Empty: all. */
  readonly state: string;
  readonly after: { readonly node: string; readonly shard: number };
  readonly limit: number;
};

// One text each, so that each has the plan of the primary key.
const OF_NODE = `SELECT * FROM step WHERE run = $1 AND node = $2 AND shard > $3 AND ($4 = '' OR state = $4)
  ORDER BY shard LIMIT $5`;
const OF_RUN = `SELECT * FROM step WHERE run = $1 AND (node, shard) > ($2, $3) AND ($4 = '' OR state = $4)
  ORDER BY node, shard LIMIT $5`;

/** By node and shard. */
export async function listSteps(db: Queryable, page: StepPage): Promise<ReadStep[]> {
  const { run, node, state, after, limit } = page;
  const source = node === "" ? OF_RUN : OF_NODE;
  const { rows } = await db.query<ReadRow>(
    `SELECT ${STEP_HEAD_COLUMNS}, ${VALUES} FROM (SELECT s.*, ${ROOM} FROM (${source}) AS s) AS s ORDER BY node, shard`,
    [run, node === "" ? after.node : node, after.shard, state, limit],
  );
  return rows.map(toRead);
}

function toRead(row: ReadRow): ReadStep {
  return { step: stepOf(row), input: row.input, inputCut: row.input_cut, outputCut: row.output_cut };
}

function stepOf(row: StepRow) {
  const [step] = byKey([row]).values();
  if (!step) throw new Error("a row is a step");
  return step;
}

export type RunPage = {
  readonly tenant: string;
  /** Empty: all. */
  readonly workflow: string;
  /** Empty: all. */
  readonly state: string;
  /** Empty: all. */
  readonly parent: string;
  readonly before: string;
  readonly limit: number;
};

const LISTED = `SELECT ${RUN_HEAD_COLUMNS}, ${smallValue("input")} AS input, ${smallValue("output")} AS output,
  ${isCut("input")} AS input_cut, ${isCut("output")} AS output_cut FROM run`;

// One text for each filter that has an index; the other filters apply to what it finds.
const BY_PARENT = `${LISTED} WHERE parent_run = $6::uuid AND tenant = $1 AND id < $2 AND ($3 = '' OR workflow = $3)
  AND ($4 = '' OR state = $4) ORDER BY id DESC LIMIT $5`;
const BY_WORKFLOW = `${LISTED} WHERE tenant = $1 AND id < $2 AND workflow = $3 AND ($4 = '' OR state = $4)
  ORDER BY id DESC LIMIT $5`;
// Nearly all runs have succeeded; the others have an index.
const BY_STATE = `${LISTED} WHERE tenant = $1 AND id < $2 AND $3 = '' AND state = $4 AND state <> 'succeeded'
  ORDER BY id DESC LIMIT $5`;
const ALL = `${LISTED} WHERE tenant = $1 AND id < $2 AND $3 = '' AND ($4 = '' OR state = $4) ORDER BY id DESC LIMIT $5`;

export type ListedRun = StoredRun & { readonly inputCut: boolean; readonly outputCut: boolean };

/** Newest first, without steps. */
export async function listRuns(db: Queryable, page: RunPage): Promise<ListedRun[]> {
  const { rows } = await db.query<RunRow & { input_cut: boolean; output_cut: boolean }>(queryFor(page), [
    page.tenant,
    page.before,
    page.workflow,
    page.state,
    page.limit,
    ...(page.parent === "" ? [] : [page.parent]),
  ]);
  return rows.map((row) => ({ ...toRun(row, NO_STEPS), inputCut: row.input_cut, outputCut: row.output_cut }));
}

/** Exported for the test that looks at their plans. */
export function queryFor({ parent, workflow, state }: RunPage): string {
  if (parent !== "") return BY_PARENT;
  if (workflow !== "") return BY_WORKFLOW;
  return state !== "" && state !== "succeeded" ? BY_STATE : ALL;
}
