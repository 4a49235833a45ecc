-- Effects of tools that take no key of ours: a row is committed before the call leaves (INTENT) and completed after it came
-- back (DONE), so that whoever takes the work over knows that somebody may have been at it. IN_DOUBT: the orchestrator was
-- told that nobody knows, and a person decides.
CREATE TABLE effect (
  tenant text NOT NULL,
  -- H(run, node, shard, phase) of a workflow's step, or what an agent's run derives for one call.
  key text COLLATE "C" NOT NULL,
  tool text NOT NULL,
  state text NOT NULL CHECK (state IN ('INTENT', 'DONE', 'IN_DOUBT')),
  -- Of the step. A higher one than that of a row in doubt was asked for by a person.
  attempt int NOT NULL,
  -- Who is at it: changes with every call that is made, and nothing is written under an old one.
  token uuid NOT NULL,
  request_hash text NOT NULL,
  -- json and not jsonb, which refuses texts that contain a NUL. Null: not done, or too large to be kept.
  result json,
  -- Until then the call may still be under way, or its effect on its way.
  busy_until timestamptz NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, key)
);
CREATE INDEX effect_by_age ON effect (at);
