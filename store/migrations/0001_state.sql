CREATE TABLE revision (
    id BIGINT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO revision (id, value) VALUES (1, 0);

CREATE TABLE resources (
    key TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT COLLATE BINARY NOT NULL,
    subscription TEXT COLLATE BINARY NOT NULL,
    resource_group TEXT COLLATE BINARY NOT NULL,
    name TEXT NOT NULL,
    subject TEXT COLLATE BINARY NOT NULL,
    etag TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX resources_by_type ON resources (type, subscription, resource_group, key);
CREATE INDEX resources_by_group ON resources (subscription, resource_group, key);
CREATE INDEX resources_by_subject ON resources (subject, type) WHERE subject <> '';
CREATE UNIQUE INDEX resources_by_revision ON resources (revision);

CREATE TABLE operations (
    id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    resource_key TEXT COLLATE BINARY NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    error_code TEXT NOT NULL,
    error_message TEXT NOT NULL,
    principal TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
);
CREATE INDEX operations_unfinished ON operations (started_at) WHERE status = 'InProgress';
CREATE INDEX operations_by_resource ON operations (resource_key, started_at);
CREATE INDEX operations_by_end ON operations (ended_at);

CREATE TABLE presence (
    cluster_key TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    last_seen BIGINT NOT NULL,
    certificate_not_after BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    agent_status TEXT NOT NULL
);

CREATE TABLE principals (
    object_id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    app_id TEXT COLLATE BINARY NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    display_name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE credentials (
    id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    principal_id TEXT COLLATE BINARY NOT NULL REFERENCES principals (object_id) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    not_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX credentials_by_principal ON credentials (principal_id);

CREATE TABLE secrets (
    name TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE certificates (
    serial TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    cluster_key TEXT COLLATE BINARY NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    issued_at BIGINT NOT NULL
);
CREATE INDEX certificates_by_cluster ON certificates (cluster_key, issued_at);
