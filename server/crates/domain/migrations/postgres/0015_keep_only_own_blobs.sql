-- What a deletion keeps was linked in its repository: a manifest may name blobs that were never there.
DELETE FROM deleted_blobs WHERE NOT EXISTS (SELECT 1 FROM repository_blobs AS l
  WHERE l.repository_id = deleted_blobs.repository_id AND l.digest = deleted_blobs.digest);
