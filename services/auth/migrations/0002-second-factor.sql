-- How a session was opened (RFC 8176) and when its owner last proved who they are: at sign-in or by a step-up.
ALTER TABLE session ADD COLUMN amr text[] NOT NULL DEFAULT '{pwd}', ADD COLUMN authenticated_at timestamptz;
UPDATE session SET authenticated_at = created_at;
-- The default is for replicas of the version before, which do not know the column.
ALTER TABLE session ALTER COLUMN authenticated_at SET DEFAULT now(), ALTER COLUMN authenticated_at SET NOT NULL;

-- Since when a second factor is asked for at sign-in; null: none is.
ALTER TABLE account ADD COLUMN second_factor_at timestamptz;

-- Secrets of authenticator apps, sealed under the master key. `pending` waits for its first code and replaces `sealed`
-- then. Codes of steps up to `last_step` are spent.
CREATE TABLE totp (
  tenant text NOT NULL,
  subject text NOT NULL,
  sealed bytea,
  pending bytea,
  pending_at timestamptz,
  last_step bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, subject),
  FOREIGN KEY (tenant, subject) REFERENCES account
);

-- Hashes of the codes that stand in for a lost device; a spent one is gone.
CREATE TABLE recovery_code (
  tenant text NOT NULL,
  subject text NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (tenant, subject, hash),
  FOREIGN KEY (tenant, subject) REFERENCES account
);
