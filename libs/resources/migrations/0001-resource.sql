-- Declared things at their current version; a deleted one keeps its row so that versions never start again.
CREATE TABLE resource (
  tenant text NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  version int NOT NULL,
  labels jsonb NOT NULL,
  -- json keeps the order of keys as it was written, for whoever reads it back.
  spec json NOT NULL,
  hash text NOT NULL,
  deleted boolean NOT NULL DEFAULT false,
  applied_at timestamptz NOT NULL,
  applied_by text NOT NULL,
  PRIMARY KEY (tenant, kind, name)
);

-- Every version there ever was.
CREATE TABLE resource_version (
  tenant text NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  version int NOT NULL,
  labels jsonb NOT NULL,
  -- json keeps the order of keys as it was written, for whoever reads it back.
  spec json NOT NULL,
  hash text NOT NULL,
  deleted boolean NOT NULL,
  applied_at timestamptz NOT NULL,
  applied_by text NOT NULL,
  PRIMARY KEY (tenant, kind, name, version)
);
