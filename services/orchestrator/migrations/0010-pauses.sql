-- A pause reaches child runs.
ALTER TABLE run
  -- of a paused run: its parent's pause stopped it, and not a person
  ADD COLUMN paused_with_parent boolean NOT NULL DEFAULT false,
  -- the parent's seq when it last said to stand still or to go on
  ADD COLUMN parent_seq int NOT NULL DEFAULT 0;
