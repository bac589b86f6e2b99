-- The members of a version of an index that was removed.
DELETE FROM members
WHERE corpus = $corpus AND fingerprint = $fingerprint AND version = $version;
