-- When each trigger with a schedule starts its next run; derived from the Trigger resource in the transaction that
-- changes it, and moved on in the transaction that starts the run.
CREATE TABLE trigger_schedule (
  tenant text NOT NULL,
  name text NOT NULL,
  spec jsonb NOT NULL,
  -- the next time of the schedule; null: none comes any more
  next_at timestamptz,
  -- when a replica must look: next_at, or later after a failure
  look_at timestamptz,
  PRIMARY KEY (tenant, name)
);
CREATE INDEX trigger_schedule_due ON trigger_schedule (look_at) WHERE look_at IS NOT NULL;
