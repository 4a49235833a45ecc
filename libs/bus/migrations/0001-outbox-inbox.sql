-- Outgoing messages, committed with the state they speak of; the relay publishes and deletes them.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  msg_id text NOT NULL,
  subject text NOT NULL,
  headers jsonb NOT NULL,
  body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Messages already applied, a row for each consumer.
CREATE TABLE inbox (
  consumer text NOT NULL,
  msg_id text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, msg_id)
);
CREATE INDEX inbox_at ON inbox (at);

-- Messages that could not be applied after every try, kept whole for a person.
CREATE TABLE dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer text NOT NULL,
  msg_id text NOT NULL,
  subject text NOT NULL,
  headers jsonb NOT NULL,
  body bytea NOT NULL,
  reason text NOT NULL,
  deliveries int NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (consumer, msg_id)
);
