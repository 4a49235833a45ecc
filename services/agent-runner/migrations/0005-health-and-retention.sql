-- Providers and agents that do not answer their probes, by whom it concerns. A row is there from the event that says so to
-- the one that takes it back: of many replicas that see the same, one tells it.
CREATE TABLE unhealthy (
  tenant text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('provider', 'agent')),
  name text NOT NULL,
  reason text NOT NULL,
  since timestamptz NOT NULL,
  PRIMARY KEY (tenant, kind, name)
);

-- What is kept for some days only is found by its age; runs are found by their ids, which begin with the time.
CREATE INDEX agent_session_by_use ON agent_session (tenant, updated_at);
CREATE INDEX agent_memory_by_use ON agent_memory (tenant, at);
