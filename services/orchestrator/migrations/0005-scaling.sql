-- Who decides how many replicas a deployment has, and when they last changed.
CREATE TABLE scaling_target (
  deployment text PRIMARY KEY,
  -- The replica that decides until its lease ends; the others stand by.
  holder text NOT NULL,
  lease_until timestamptz NOT NULL,
  -- as last seen or set
  replicas int,
  changed_at timestamptz,
  -- the last decision, for people
  decision json
);

-- What each replica of the orchestrator measured of itself; who decides reads all of them.
CREATE TABLE scaling_report (
  replica text PRIMARY KEY,
  at timestamptz NOT NULL,
  report json NOT NULL
);
