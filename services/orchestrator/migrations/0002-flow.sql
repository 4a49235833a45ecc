-- Runs that start, await and undo: parents, pauses, expected ends.
ALTER TABLE run
  ADD COLUMN paused_at timestamptz,
  -- of a compensating run: failed or cancelled
  ADD COLUMN ending text,
  ADD COLUMN parent_run uuid,
  ADD COLUMN parent_node text,
  ADD COLUMN parent_shard int,
  -- how many runs stand above it
  ADD COLUMN depth smallint NOT NULL DEFAULT 0,
  -- null: the subject
  ADD COLUMN started_by text,
  -- who acts for the subject, outermost first; handed on to child runs
  ADD COLUMN actors json,
  ADD COLUMN sla_at timestamptz,
  ADD COLUMN at_risk boolean NOT NULL DEFAULT false,
  -- It has steps with many shards: loaded by parts, never whole.
  ADD COLUMN light boolean NOT NULL DEFAULT false;
CREATE INDEX run_children ON run (parent_run, id) WHERE parent_run IS NOT NULL;
-- Filters of lists; their columns change seldom, at the end of a run.
CREATE INDEX run_by_workflow ON run (tenant, workflow, id);
CREATE INDEX run_by_state ON run (tenant, state, id) WHERE state <> 'succeeded';

ALTER TABLE step
  ALTER COLUMN shard TYPE int,
  -- the run's seq when it succeeded; 0 before
  ADD COLUMN done_seq int NOT NULL DEFAULT 0,
  -- what only some kinds remember
  ADD COLUMN detail json,
  -- of the run; only where the step is or was queued
  ADD COLUMN tenant text NOT NULL DEFAULT '',
  -- Order in the backlog, smaller first: when it became ready, in units of what one class of priority is worth of
  -- waiting, less the priority. A fixed number, so waiting ages it without any update.
  ADD COLUMN bucket int NOT NULL DEFAULT 0,
  -- An item of a map that is released and not settled. Not derived from state in the index below, for then no claim and
  -- no result of any step could stay in its page.
  ADD COLUMN live boolean NOT NULL DEFAULT false;
UPDATE step SET tenant = r.tenant,
    bucket = floor(extract(epoch FROM coalesce(step.ready_at, now())) / 30)::int - step.priority
  FROM run r WHERE r.id = step.run AND step.queued;
DROP INDEX step_backlog;
CREATE INDEX step_queue ON step (tenant, bucket, deadline, ready_at) WHERE queued;
CREATE INDEX step_live ON step (run, node, shard) WHERE live;

-- What a person decides, and what was decided. A step that asks again takes its row anew.
CREATE TABLE approval (
  id uuid PRIMARY KEY,
  run uuid NOT NULL,
  node text NOT NULL,
  shard int NOT NULL,
  tenant text NOT NULL,
  workflow text NOT NULL,
  -- pending, approved, rejected, expired, cancelled
  state text NOT NULL,
  title text NOT NULL,
  input json NOT NULL,
  args_hash text NOT NULL,
  subjects text[] NOT NULL,
  roles text[] NOT NULL,
  -- who may not decide, being who started the run; null: everybody may
  not_by text,
  requested_at timestamptz NOT NULL,
  expires_at timestamptz,
  decided_by text,
  comment text,
  decided_at timestamptz,
  UNIQUE (run, node, shard)
);
CREATE INDEX approval_newest ON approval (tenant, id);
CREATE INDEX approval_by_state ON approval (tenant, state, id);
CREATE INDEX approval_pending ON approval (run) WHERE state = 'pending';

-- What happened elsewhere and a run must hear of: written in the transaction in which it happened, taken under the
-- run's lock. So the locks of a parent and its child are never held together.
CREATE TABLE run_signal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run uuid NOT NULL,
  -- child-ended, cancel, event
  kind text NOT NULL,
  -- the child run, or the arrived event
  ref text,
  data json NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  -- Later than now where a run could not be advanced with it.
  due_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Which values of which events workflows wait for; derived from Workflow resources in the transaction that changes them.
CREATE TABLE event_match (
  tenant text NOT NULL,
  publisher text NOT NULL,
  type text NOT NULL,
  -- path into { id, type, data, time }; empty: any event
  match text NOT NULL,
  PRIMARY KEY (tenant, publisher, type, match)
);

-- Events that waits may be for, once for each value that a wait may name. Kept for a while, for a wait may begin after
-- its event.
CREATE TABLE arrived_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL,
  publisher text NOT NULL,
  type text NOT NULL,
  match text NOT NULL,
  key text NOT NULL,
  event_id text NOT NULL,
  data json NOT NULL,
  -- of the event; when it came here is stored_at
  at timestamptz NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant, publisher, type, match, key, event_id)
);
CREATE INDEX arrived_event_stored ON arrived_event (stored_at);

-- Steps that wait for an event. The match takes the row away, so that one event is told once.
CREATE TABLE event_wait (
  run uuid NOT NULL,
  node text NOT NULL,
  shard int NOT NULL,
  tenant text NOT NULL,
  publisher text NOT NULL,
  type text NOT NULL,
  match text NOT NULL,
  key text NOT NULL,
  -- Events that came from here on count: the start of the run.
  since timestamptz NOT NULL,
  PRIMARY KEY (run, node, shard)
);
CREATE INDEX event_wait_key ON event_wait (tenant, publisher, type, match, key);
