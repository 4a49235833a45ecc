-- Accounts of people who sign in elsewhere. Nothing but issuer and subject says who is who: names and e-mail addresses
-- change hands.
CREATE TABLE federated_identity (
  tenant text NOT NULL,
  issuer text NOT NULL,
  external_id text NOT NULL,
  subject text NOT NULL,
  provider text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, issuer, external_id),
  FOREIGN KEY (tenant, subject) REFERENCES account
);

-- Sign-ins that wait for the browser to come back. `state` is the hash of the handle that only who started has.
CREATE TABLE pending_sign_in (
  state text PRIMARY KEY,
  tenant text NOT NULL,
  provider text NOT NULL,
  redirect_uri text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX pending_sign_in_expires ON pending_sign_in (expires_at);
