-- What happened, added up by the time it happened. The same sample is in three tiers of 10 s, 300 s and 3 600 s, so that
-- a window of any length is the sum of at most a few hundred rows a label set.
CREATE TABLE metric_sample (
  tenant text NOT NULL,
  series text NOT NULL,
  step_s int NOT NULL,
  bucket timestamptz NOT NULL,
  labels_hash text NOT NULL,
  labels jsonb NOT NULL,
  count double precision NOT NULL,
  sum double precision NOT NULL,
  bad double precision NOT NULL,
  peak double precision NOT NULL,
  -- Durations by bound; null where a series has none.
  histogram double precision[],
  PRIMARY KEY (series, step_s, tenant, bucket, labels_hash)
);
CREATE INDEX metric_sample_age ON metric_sample (step_s, bucket);

-- An alert from the moment its condition held until after it was resolved. The next time is another row.
CREATE TABLE alert (
  id text PRIMARY KEY,
  tenant text NOT NULL,
  rule text NOT NULL,
  labels_hash text NOT NULL,
  labels jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'active', 'acknowledged', 'suppressed', 'resolved')),
  rank smallint NOT NULL GENERATED ALWAYS AS (
    CASE state WHEN 'active' THEN 0 WHEN 'acknowledged' THEN 1 WHEN 'pending' THEN 2 WHEN 'suppressed' THEN 3 ELSE 4 END
  ) STORED,
  severity text NOT NULL,
  summary text NOT NULL,
  runbook text NOT NULL,
  value double precision NOT NULL,
  threshold double precision NOT NULL,
  started_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  acknowledged_by text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX alert_live ON alert (tenant, rule, labels_hash) WHERE state <> 'resolved';
CREATE INDEX alert_list ON alert (tenant, rank, changed_at DESC, id DESC);
CREATE INDEX alert_age ON alert (changed_at) WHERE state = 'resolved';

-- What a channel is to be told: written with the change it speaks of, `sending` before it leaves.
CREATE TABLE notification (
  id text PRIMARY KEY,
  tenant text NOT NULL,
  alert_id text NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  channel text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('active', 'resolved')),
  -- The receiver's key: the same however often it is sent.
  dedupe_key text NOT NULL UNIQUE,
  body text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'sent', 'dead', 'cancelled')),
  attempts int NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT now(),
  last_error text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notification_due ON notification (next_at) WHERE state IN ('pending', 'sending');
CREATE INDEX notification_alert ON notification (alert_id, channel);

-- Which replica evaluates and sends. `fence` grows with each new holder.
CREATE TABLE lease (
  name text PRIMARY KEY,
  holder text NOT NULL,
  fence bigint NOT NULL,
  expires_at timestamptz NOT NULL
);
