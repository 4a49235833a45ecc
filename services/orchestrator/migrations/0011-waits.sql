-- A wait and its event may be written by transactions that do not see each other. A wait is unsettled until all
-- transactions that ran when it was committed have ended: until then the sweep looks for its event.
ALTER TABLE event_wait
  ADD COLUMN settled boolean NOT NULL DEFAULT false,
  -- the first transaction that certainly sees the wait; null: the sweep has not seen it yet
  ADD COLUMN settles_at xid8;
CREATE INDEX event_wait_unsettled ON event_wait (settles_at NULLS FIRST) WHERE NOT settled;
-- The first event for a wait that began when it began.
CREATE INDEX arrived_event_first ON arrived_event (tenant, publisher, type, match, key, stored_at, id);

-- When retention looks whether anybody still needs it.
ALTER TABLE event_match ADD COLUMN look_at timestamptz NOT NULL DEFAULT now() + interval '1 hour';
CREATE INDEX event_match_look ON event_match (look_at);
