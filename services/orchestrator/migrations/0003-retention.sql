-- What happened, by weeks: old weeks are dropped whole. A new week is made ahead of its time by the retention loop; what
-- falls outside of all of them goes to the default partition. The primary key of a partitioned table holds its range.
ALTER TABLE run_event RENAME TO run_event_before;
ALTER INDEX run_event_pkey RENAME TO run_event_before_pkey;
CREATE TABLE run_event (
  run uuid NOT NULL,
  seq int NOT NULL,
  at timestamptz NOT NULL,
  events json NOT NULL,
  PRIMARY KEY (run, seq, at)
) PARTITION BY RANGE (at);
CREATE TABLE run_event_other PARTITION OF run_event DEFAULT;
DO $$
DECLARE
  oldest timestamptz := (SELECT min(at) FROM run_event_before);
  week timestamptz := date_trunc('week', now() - interval '7 days', 'UTC');
BEGIN
  IF oldest < week THEN
    week := date_trunc('week', greatest(oldest, now() - interval '60 days'), 'UTC');
  END IF;
  WHILE week < now() + interval '14 days' LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF run_event FOR VALUES FROM (%L) TO (%L)',
      'run_event_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD'), week, week + interval '7 days');
    week := week + interval '7 days';
  END LOOP;
END $$;
INSERT INTO run_event (run, seq, at, events) SELECT run, seq, at, events FROM run_event_before;
DROP TABLE run_event_before;
-- How far events were pruned run by run; a partition needs no such cursor.
DROP TABLE pruned;

-- What is left of a finished run when its rows are gone.
CREATE TABLE run_archive (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  workflow text NOT NULL,
  version int NOT NULL,
  state text NOT NULL,
  priority smallint NOT NULL,
  subject text NOT NULL,
  origin text NOT NULL,
  dedupe_key text,
  parent_run uuid,
  parent_node text,
  failure json,
  cost_nano_usd bigint NOT NULL,
  steps int NOT NULL,
  created_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now()
);
