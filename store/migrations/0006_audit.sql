CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    subscription TEXT COLLATE BINARY NOT NULL,
    resource_group TEXT COLLATE BINARY NOT NULL,
    cluster_key TEXT COLLATE BINARY NOT NULL,
    cluster_id TEXT NOT NULL,
    caller TEXT NOT NULL,
    caller_key TEXT COLLATE BINARY NOT NULL,
    caller_id TEXT COLLATE BINARY NOT NULL,
    mode TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    verb TEXT NOT NULL,
    api_group TEXT NOT NULL,
    kind TEXT NOT NULL,
    subresource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    status BIGINT NOT NULL,
    reason TEXT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    request_id TEXT COLLATE BINARY NOT NULL,
    client_ip TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX audit_by_subscription ON audit (subscription, at, id);
CREATE INDEX audit_by_cluster ON audit (cluster_key, at, id);
CREATE INDEX audit_by_caller ON audit (caller_key, at, id);
CREATE INDEX audit_by_age ON audit (at, id);
CREATE INDEX audit_open ON audit (id) WHERE ended_at = 0;

CREATE TABLE recordings (
    id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    cluster_key TEXT COLLATE BINARY NOT NULL,
    cluster_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    caller TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    namespace TEXT NOT NULL,
    pod TEXT NOT NULL,
    container TEXT NOT NULL,
    command TEXT NOT NULL,
    protocol TEXT NOT NULL,
    size BIGINT NOT NULL
);
CREATE INDEX recordings_by_cluster ON recordings (cluster_key, started_at, id);
CREATE INDEX recordings_by_age ON recordings (started_at, id);
