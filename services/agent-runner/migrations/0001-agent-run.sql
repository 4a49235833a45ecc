-- Runs that ended, whatever their end. `record` is the AgentRun message as it is answered; the columns are what is
-- searched by. A row is written once, in the transaction that also writes its usage and its events to the outbox.
CREATE TABLE agent_run (
  tenant text NOT NULL,
  id uuid NOT NULL,
  agent text NOT NULL,
  state text NOT NULL,
  ended_at timestamptz NOT NULL,
  -- Of the workflow step and attempt this run answered; null where it failed or belongs to no workflow.
  step_key text,
  record bytea NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX agent_run_by_agent ON agent_run (tenant, agent, id);
-- Not unique: a worker that lost its lease may finish beside its successor, and both were paid for.
CREATE INDEX agent_run_by_step ON agent_run (tenant, step_key) WHERE step_key IS NOT NULL;
