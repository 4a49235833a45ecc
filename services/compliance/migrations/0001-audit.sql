-- The head of each tenant's tree: its size and the roots of its complete subtrees, from the left.
CREATE TABLE audit_tree (
  tenant text PRIMARY KEY,
  size bigint NOT NULL DEFAULT 0,
  roots bytea[] NOT NULL DEFAULT '{}'
);

-- The leaves. `body` is what is hashed; the other columns repeat parts of it for looking up.
CREATE TABLE audit_entry (
  tenant text NOT NULL,
  seq bigint NOT NULL,
  id uuid NOT NULL,
  body bytea NOT NULL,
  at timestamptz NOT NULL,
  subject text NOT NULL,
  action text NOT NULL,
  request_id text NOT NULL,
  PRIMARY KEY (tenant, seq),
  UNIQUE (tenant, id)
);
CREATE INDEX audit_entry_request ON audit_entry (tenant, request_id) WHERE request_id <> '';
CREATE INDEX audit_entry_subject ON audit_entry (tenant, subject, seq DESC);

-- Complete subtrees: 2^level leaves from index * 2^level. Level 0 are the leaves' hashes.
CREATE TABLE audit_node (
  tenant text NOT NULL,
  level smallint NOT NULL,
  index bigint NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (tenant, level, index)
);

CREATE TABLE audit_checkpoint (
  tenant text NOT NULL,
  size bigint NOT NULL,
  note text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, size)
);

-- Private keys that sign checkpoints, wrapped by the master key.
CREATE TABLE signing_key (
  id int PRIMARY KEY,
  name text NOT NULL,
  wrapped bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- The trail only grows. Whoever gets around this as a superuser is found by the signed checkpoints.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only: % on % refused', TG_OP, TG_TABLE_NAME;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_node EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint EXECUTE FUNCTION refuse_change();
