CREATE TABLE audit_blocks (
    id BIGINT NOT NULL PRIMARY KEY,
    last_id BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    subscription TEXT COLLATE BINARY NOT NULL,
    body BYTEA NOT NULL
);
CREATE INDEX audit_blocks_by_subscription ON audit_blocks (subscription, last_at, id);
CREATE INDEX audit_blocks_by_age ON audit_blocks (first_at, id);

CREATE TABLE audit_about (
    about TEXT COLLATE BINARY NOT NULL,
    block BIGINT NOT NULL REFERENCES audit_blocks (id) ON DELETE CASCADE,
    PRIMARY KEY (about, block)
);
CREATE INDEX audit_about_by_block ON audit_about (block);
