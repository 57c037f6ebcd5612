CREATE TABLE activity (
    id TEXT COLLATE BINARY NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    subscription TEXT COLLATE BINARY NOT NULL,
    resource_group TEXT COLLATE BINARY NOT NULL,
    resource_key TEXT COLLATE BINARY NOT NULL,
    resource_id TEXT NOT NULL,
    action TEXT NOT NULL,
    status TEXT NOT NULL,
    detail TEXT NOT NULL,
    caller TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    correlation_id TEXT COLLATE BINARY NOT NULL,
    operation_id TEXT COLLATE BINARY NOT NULL,
    method TEXT NOT NULL,
    client_ip TEXT NOT NULL
);
CREATE INDEX activity_by_subscription ON activity (subscription, at, id);
CREATE INDEX activity_by_resource ON activity (resource_key, at);
CREATE INDEX activity_by_correlation ON activity (correlation_id, at);
CREATE INDEX activity_started ON activity (operation_id) WHERE status = 'Started';
CREATE INDEX activity_by_age ON activity (at);
