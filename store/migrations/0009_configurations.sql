ALTER TABLE extensions RENAME TO configurations;
ALTER TABLE configurations ADD COLUMN kind TEXT COLLATE BINARY NOT NULL DEFAULT 'ExtensionConfig';
DROP INDEX extensions_by_cluster;
CREATE INDEX configurations_by_cluster ON configurations (cluster_key, kind, name);
