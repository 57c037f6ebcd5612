ALTER TABLE operations ADD COLUMN error_details TEXT NOT NULL DEFAULT '';

CREATE TABLE sealed (
    key TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE extensions (
    key TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    cluster_key TEXT COLLATE BINARY NOT NULL,
    name TEXT COLLATE BINARY NOT NULL,
    generation BIGINT NOT NULL,
    forgotten BIGINT NOT NULL,
    state TEXT NOT NULL,
    observed BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX extensions_by_cluster ON extensions (cluster_key, name);

CREATE TABLE extension_events (
    cluster_key TEXT COLLATE BINARY NOT NULL,
    name TEXT COLLATE BINARY NOT NULL,
    sequence BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (cluster_key, name, sequence)
);
