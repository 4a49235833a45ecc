CREATE TABLE tenant (
  name text PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Users and service accounts. Without a password hash an account signs in with API keys only.
CREATE TABLE account (
  tenant text NOT NULL REFERENCES tenant,
  subject text NOT NULL,
  username text NOT NULL,
  password_hash text,
  display_name text NOT NULL DEFAULT '',
  email text NOT NULL DEFAULT '',
  department text NOT NULL DEFAULT '',
  project text NOT NULL DEFAULT '',
  roles text[] NOT NULL DEFAULT '{}',
  service_account boolean NOT NULL DEFAULT false,
  disabled_at timestamptz,
  -- `admin`: somebody disabled it; `deleted`: its resource was deleted, and applying that again brings it back.
  disabled_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_sign_in_at timestamptz,
  PRIMARY KEY (tenant, subject),
  CONSTRAINT account_username UNIQUE (tenant, username)
);

-- A sign-in and the family of refresh tokens that descends from it. A refresh token carries the id, its generation and
-- a MAC over both and the secret, so that one row a family says which generation is current.
CREATE TABLE session (
  id uuid PRIMARY KEY,
  tenant text NOT NULL,
  subject text NOT NULL,
  secret bytea NOT NULL,
  generation int NOT NULL DEFAULT 1,
  remote_address text NOT NULL,
  created_at timestamptz NOT NULL,
  refreshed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  FOREIGN KEY (tenant, subject) REFERENCES account
);
CREATE INDEX session_subject ON session (tenant, subject, created_at);
CREATE INDEX session_expires ON session (expires_at);

-- Only the hash of a key is kept.
CREATE TABLE api_key (
  tenant text NOT NULL,
  id uuid NOT NULL,
  hash bytea NOT NULL UNIQUE,
  prefix text NOT NULL,
  name text NOT NULL,
  subject text NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, subject) REFERENCES account
);

-- Keys that sign tokens of all tenants. `sealed` is the private key under the master key; a retired key has none.
-- `changes` counts what happened to the key, so that their sum is a version of the whole set.
CREATE TABLE signing_key (
  kid text PRIMARY KEY,
  public_jwk jsonb NOT NULL,
  sealed bytea,
  created_at timestamptz NOT NULL,
  active_from timestamptz NOT NULL,
  retired_at timestamptz,
  changes int NOT NULL DEFAULT 1
);

-- Wrong credentials in a row. `source` is an address the account has signed in from before, or empty for all others:
-- guesses from elsewhere do not lock the owner out. Names that do not exist have rows too, so that a lock tells nothing.
CREATE TABLE sign_in_guard (
  tenant text NOT NULL,
  username text NOT NULL,
  source text NOT NULL,
  failures int NOT NULL,
  last_failure_at timestamptz NOT NULL,
  locked_until timestamptz NOT NULL,
  PRIMARY KEY (tenant, username, source)
);
CREATE INDEX sign_in_guard_last_failure ON sign_in_guard (last_failure_at);

-- Ended sessions, revoked keys and disabled subjects, for as long as a token of theirs could still be valid.
CREATE SEQUENCE revocation_version;
CREATE TABLE revocation (
  tenant text NOT NULL,
  key text NOT NULL,
  version bigint NOT NULL DEFAULT nextval('revocation_version'),
  active boolean NOT NULL,
  expires_at timestamptz NOT NULL,
  published boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX revocation_unpublished ON revocation (version) WHERE NOT published;
CREATE INDEX revocation_expires ON revocation (expires_at);
