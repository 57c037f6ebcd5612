CREATE TABLE tickets (
    kind TEXT COLLATE BINARY NOT NULL,
    key TEXT COLLATE BINARY NOT NULL,
    family TEXT COLLATE BINARY NOT NULL,
    principal_id TEXT COLLATE BINARY NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX tickets_by_family ON tickets (family) WHERE family <> '';
CREATE INDEX tickets_by_principal ON tickets (principal_id) WHERE principal_id <> '';
CREATE INDEX tickets_by_end ON tickets (expires_at);

CREATE TABLE key_credentials (
    id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    principal_id TEXT COLLATE BINARY NOT NULL REFERENCES principals (object_id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    certificate BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX key_credentials_by_principal ON key_credentials (principal_id);

CREATE TABLE federated_credentials (
    id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    principal_id TEXT COLLATE BINARY NOT NULL REFERENCES principals (object_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    issuer TEXT COLLATE BINARY NOT NULL,
    subject TEXT COLLATE BINARY NOT NULL,
    audience TEXT COLLATE BINARY NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX federated_credentials_by_principal ON federated_credentials (principal_id);
