CREATE TABLE flux_logs (
    cluster_key TEXT COLLATE BINARY NOT NULL,
    name TEXT COLLATE BINARY NOT NULL,
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    origin TEXT COLLATE BINARY NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (cluster_key, name, sequence)
);
CREATE UNIQUE INDEX flux_logs_by_moment ON flux_logs (cluster_key, name, at, origin);
