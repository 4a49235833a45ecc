-- What users thought of answers; one row a user and run.
CREATE TABLE agent_run_rating (
  tenant text NOT NULL,
  run_id uuid NOT NULL,
  subject text NOT NULL,
  score double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
  comment text NOT NULL,
  rated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, run_id, subject)
);
