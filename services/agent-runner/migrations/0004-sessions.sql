-- Conversations. An empty subject: the agent's users share it. `next_ticket` orders its runs; `fence` grows whenever a run
-- gets its turn, and a turn is written under the last one only.
CREATE TABLE agent_session (
  tenant text NOT NULL,
  agent text NOT NULL,
  subject text NOT NULL,
  session text NOT NULL,
  next_ticket bigint NOT NULL DEFAULT 1,
  fence bigint NOT NULL DEFAULT 0,
  turns int NOT NULL DEFAULT 0,
  -- Of the turns that are no longer kept.
  summary text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, agent, subject, session)
);
CREATE INDEX agent_session_by_age ON agent_session (tenant, agent, subject, updated_at DESC);

CREATE TABLE agent_session_turn (
  tenant text NOT NULL,
  agent text NOT NULL,
  subject text NOT NULL,
  session text NOT NULL,
  turn int NOT NULL,
  run_id uuid NOT NULL,
  input text NOT NULL,
  answer text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant, agent, subject, session, turn),
  FOREIGN KEY (tenant, agent, subject, session) REFERENCES agent_session ON DELETE CASCADE
);

-- Facts an agent remembers of a user. `hash` is of the fact in lower case: what is said twice is kept once.
CREATE TABLE agent_memory (
  tenant text NOT NULL,
  subject text NOT NULL,
  agent text NOT NULL,
  hash text NOT NULL,
  fact text NOT NULL,
  run_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant, subject, agent, hash)
);
CREATE INDEX agent_memory_by_age ON agent_memory (tenant, subject, agent, at);
