-- Which agent called: the run's own, or one below it, whose calls are noted with the run at the top. Empty: the run's own.
ALTER TABLE model_call_intent ADD COLUMN agent text NOT NULL DEFAULT '';
