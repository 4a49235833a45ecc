-- Replicas that are alive: one row each, renewed while the process lives, so that a run costs no renewal of its own.
CREATE TABLE runner_replica (
  id uuid PRIMARY KEY,
  lease_until timestamptz NOT NULL
);

-- Durable runs under way. A row is written before the run begins and deleted in the transaction that stores its end.
-- `epoch` is the fencing token: it grows when another replica takes the run over, and nothing is written under an old one.
CREATE TABLE live_run (
  tenant text NOT NULL,
  id uuid NOT NULL,
  agent text NOT NULL,
  subject text NOT NULL,
  department text NOT NULL,
  project text NOT NULL,
  owner uuid NOT NULL,
  epoch int NOT NULL,
  -- Set before a tool that may not be called twice is called: such a run is never begun anew.
  had_effect boolean NOT NULL DEFAULT false,
  cancelled boolean NOT NULL DEFAULT false,
  -- Place in the queue of its session; all three null where it belongs to none. An empty session_subject: it is shared.
  session text,
  session_subject text,
  ticket bigint,
  -- The RunAgentRequest, for whoever begins the run anew.
  request bytea NOT NULL,
  request_id text NOT NULL,
  started_at timestamptz NOT NULL,
  deadline_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX live_run_by_owner ON live_run (owner);
CREATE UNIQUE INDEX live_run_by_session ON live_run (tenant, agent, session_subject, session, ticket)
  WHERE session IS NOT NULL;

-- What happened in a durable run, in order, for whoever reads on after a cursor; deleted some time after.
CREATE TABLE agent_run_event (
  tenant text NOT NULL,
  run_id uuid NOT NULL,
  seq int NOT NULL,
  epoch int NOT NULL,
  -- AgentRunEvent as it is answered.
  event bytea NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, run_id, seq)
);
CREATE INDEX agent_run_event_by_age ON agent_run_event (at);

-- Upstream attempts of durable runs: written before the call leaves, so that a process that dies leaves no hole in the
-- ledger. `usage` is set when the call came back.
CREATE TABLE model_call_intent (
  tenant text NOT NULL,
  attempt_id text NOT NULL,
  run_id uuid NOT NULL,
  epoch int NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  input_tokens int NOT NULL,
  usage jsonb,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant, attempt_id)
);
CREATE INDEX model_call_intent_by_run ON model_call_intent (tenant, run_id);
