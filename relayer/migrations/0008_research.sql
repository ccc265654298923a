-- What the patient lets research count (a mask of categories, 0 nothing) and the first block it counts in.
ALTER TABLE relationships ADD COLUMN research INTEGER NOT NULL DEFAULT 0 CHECK (research BETWEEN 0 AND 255);
ALTER TABLE relationships ADD COLUMN research_since INTEGER NOT NULL DEFAULT 0;
