-- Names and fingerprints of client certificates that stand for an account. The tenant is part of the key: what one tenant
-- registers says nothing about another's callers.
CREATE TABLE client_certificate (
  tenant text NOT NULL,
  -- uri, dns, email or sha256.
  kind text NOT NULL,
  value text NOT NULL,
  id uuid NOT NULL,
  subject text NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  PRIMARY KEY (tenant, kind, value),
  UNIQUE (tenant, id),
  FOREIGN KEY (tenant, subject) REFERENCES account
);
