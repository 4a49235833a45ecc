-- The key that was made in the place of this one, which ends after an overlap.
ALTER TABLE api_key ADD COLUMN replaced_by uuid;
