-- Derived from Budget resources, in the transaction that applies them.
CREATE TABLE budget (
  tenant text NOT NULL,
  name text NOT NULL,
  scope text NOT NULL,
  limit_nano_usd bigint NOT NULL,
  warn double precision NOT NULL,
  critical double precision NOT NULL,
  hard boolean NOT NULL,
  PRIMARY KEY (tenant, name)
);

-- Money of a scope in a month. A row for every scope that was ever charged, whether a budget limits it or not, so that
-- a budget made in the middle of a month knows what was spent.
CREATE TABLE scope_state (
  tenant text NOT NULL,
  scope text NOT NULL,
  period_start timestamptz NOT NULL,
  spent_nano_usd bigint NOT NULL DEFAULT 0,
  held_nano_usd bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, scope, period_start)
);

-- The worst threshold a budget has announced in a month: each is announced once.
CREATE TABLE budget_level (
  tenant text NOT NULL,
  name text NOT NULL,
  period_start timestamptz NOT NULL,
  level text NOT NULL,
  PRIMARY KEY (tenant, name, period_start)
);

-- Written before an upstream call, gone when it is settled: what is left belongs to a caller that died.
CREATE TABLE hold (
  tenant text NOT NULL,
  attempt_id text NOT NULL,
  subject text NOT NULL,
  department text NOT NULL,
  project text NOT NULL,
  agent text NOT NULL,
  run_id text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  held_nano_usd bigint NOT NULL,
  max_output_tokens bigint NOT NULL,
  input_tokens bigint NOT NULL,
  price_version int NOT NULL,
  period_start timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, attempt_id)
);
CREATE INDEX hold_expires ON hold (expires_at);

-- One row an upstream attempt.
CREATE TABLE ledger (
  tenant text NOT NULL,
  attempt_id text NOT NULL,
  subject text NOT NULL,
  department text NOT NULL,
  project text NOT NULL,
  agent text NOT NULL,
  run_id text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  uncached_input_tokens bigint NOT NULL,
  cache_read_tokens bigint NOT NULL,
  cache_write_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nano_usd bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('settled', 'estimated')),
  cache_hit boolean NOT NULL,
  saved_nano_usd bigint NOT NULL,
  failed boolean NOT NULL,
  response_ms int NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant, attempt_id)
);
CREATE INDEX ledger_at ON ledger (tenant, at DESC, attempt_id);
CREATE INDEX ledger_run ON ledger (tenant, run_id);
