-- Events that JetStream has taken, kept until their consumers had time to apply them: it writes to disk every two
-- minutes and can be lost whole, and then they are published again.
CREATE TABLE outbox_sent (
  id bigint PRIMARY KEY,
  msg_id text NOT NULL,
  subject text NOT NULL,
  headers jsonb NOT NULL,
  body bytea NOT NULL,
  -- When the stream was made that took it, as the server says it, and its place there.
  stream_made text NOT NULL,
  stream_seq bigint NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_sent_place ON outbox_sent (stream_made, stream_seq);
CREATE INDEX outbox_sent_at ON outbox_sent (sent_at);
