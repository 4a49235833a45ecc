-- A run of a workflow at the version it started with. What a run needs to be advanced is here and in step; the queue
-- only carries addresses.
CREATE TABLE run (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  workflow text NOT NULL,
  version int NOT NULL,
  -- running, succeeded, failed, cancelled
  state text NOT NULL,
  priority smallint NOT NULL,
  -- whom it acts for
  subject text NOT NULL,
  origin text NOT NULL,
  dedupe_key text,
  -- of the last event
  seq int NOT NULL,
  cancel_requested boolean NOT NULL DEFAULT false,
  -- json and not jsonb: never searched, kept as it came, and a NUL escape is no error
  input json NOT NULL,
  output json,
  failure json,
  cost_nano_usd bigint NOT NULL DEFAULT 0,
  traceparent text,
  created_at timestamptz NOT NULL,
  deadline timestamptz NOT NULL,
  ended_at timestamptz,
  -- When the sweep must look at it: a lower bound of all its timers, null once it ended. An advance that need not lower
  -- it leaves it alone, so most updates of a run touch no index.
  wake_at timestamptz
) WITH (fillfactor = 60);
CREATE UNIQUE INDEX run_dedupe ON run (tenant, workflow, dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX run_newest ON run (tenant, id);
CREATE INDEX run_wake ON run (wake_at) WHERE wake_at IS NOT NULL;

-- A step has its row from when it stops waiting for others. Written under the lock of its run, but for three guarded
-- updates: release from the backlog, claim, heartbeat.
CREATE TABLE step (
  run uuid NOT NULL,
  node text NOT NULL,
  shard smallint NOT NULL,
  -- ready, dispatched, running, succeeded, failed, skipped, cancelled
  state text NOT NULL,
  -- the fence: grows with each dispatch
  epoch int NOT NULL,
  -- epoch of the last result that counted
  done_epoch int NOT NULL,
  attempt smallint NOT NULL,
  takeovers smallint NOT NULL,
  gate_retries smallint NOT NULL,
  -- ready, but without credit: in the backlog
  queued boolean NOT NULL,
  priority smallint NOT NULL,
  -- of the run
  deadline timestamptz NOT NULL,
  worker text NOT NULL,
  ready_at timestamptz,
  dispatched_at timestamptz,
  lease_until timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  input json NOT NULL,
  output json,
  failure json,
  cost_nano_usd bigint NOT NULL,
  PRIMARY KEY (run, node, shard)
) WITH (fillfactor = 60);
-- Claims and results change none of these columns, so they stay in their page (HOT).
CREATE INDEX step_backlog ON step (priority DESC, deadline, ready_at) WHERE queued;

-- What happened, for people. One row an advance: its events share a transaction and a time; seq is that of the last.
CREATE TABLE run_event (
  run uuid NOT NULL,
  seq int NOT NULL,
  at timestamptz NOT NULL,
  events json NOT NULL,
  PRIMARY KEY (run, seq)
);

-- How far the events of old runs are pruned, by run id, which sorts by time.
CREATE TABLE pruned (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  up_to uuid NOT NULL
);
INSERT INTO pruned (up_to) VALUES ('00000000-0000-0000-0000-000000000000');

-- Events that started nothing, and why. A redelivery finds its row.
CREATE TABLE rejection (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  trigger text NOT NULL,
  -- sequence and time in the stream
  delivery text NOT NULL,
  subject text NOT NULL,
  event_id text NOT NULL,
  code text NOT NULL,
  message text NOT NULL,
  at timestamptz NOT NULL,
  UNIQUE (tenant, trigger, delivery)
);
CREATE INDEX rejection_newest ON rejection (tenant, id);

-- The consumer that listens for each trigger; derived from the Trigger resource in the transaction that changes it.
CREATE TABLE trigger_binding (
  tenant text NOT NULL,
  name text NOT NULL,
  version int NOT NULL,
  spec jsonb NOT NULL,
  filter text NOT NULL,
  durable text NOT NULL,
  since timestamptz NOT NULL,
  PRIMARY KEY (tenant, name)
);

-- Consumers to be deleted at the server, again and again for a while: a replica that has not heard of it yet would make
-- one anew.
CREATE TABLE trigger_gone (
  durable text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
