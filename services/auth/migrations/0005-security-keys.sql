-- Security keys and passkeys (WebAuthn). `counter` only grows, for those that count at all.
CREATE TABLE security_key (
  tenant text NOT NULL,
  credential_id bytea NOT NULL,
  subject text NOT NULL,
  public_key bytea NOT NULL,
  counter bigint NOT NULL,
  transports text[] NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz,
  PRIMARY KEY (tenant, credential_id),
  FOREIGN KEY (tenant, subject) REFERENCES account
);
CREATE INDEX security_key_subject ON security_key (tenant, subject);

-- What a key was asked to sign and has not yet. `state` is the hash of the handle that only who started has; a setup and
-- a step-up belong to the session they were begun in.
CREATE TABLE security_key_challenge (
  state text PRIMARY KEY,
  tenant text NOT NULL,
  subject text NOT NULL,
  purpose text NOT NULL,
  session_id uuid,
  expires_at timestamptz NOT NULL
);
CREATE INDEX security_key_challenge_subject ON security_key_challenge (tenant, subject);
CREATE INDEX security_key_challenge_expires ON security_key_challenge (expires_at);
