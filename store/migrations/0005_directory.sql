ALTER TABLE principals ADD COLUMN display_key TEXT COLLATE BINARY NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN user_name TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN user_key TEXT COLLATE BINARY NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN mail TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN mail_key TEXT COLLATE BINARY NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN mail_nickname TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN issuer TEXT COLLATE BINARY NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN subject TEXT COLLATE BINARY NOT NULL DEFAULT '';
ALTER TABLE principals ADD COLUMN disabled BIGINT NOT NULL DEFAULT 0;
ALTER TABLE principals ADD COLUMN must_change_password BIGINT NOT NULL DEFAULT 0;
UPDATE principals SET display_key = lower(display_name COLLATE BINARY);
CREATE UNIQUE INDEX principals_by_user_name ON principals (user_key) WHERE user_key <> '';
CREATE UNIQUE INDEX principals_by_identity ON principals (issuer, subject) WHERE subject <> '';
CREATE INDEX principals_by_mail ON principals (mail_key, object_id) WHERE mail_key <> '';
CREATE INDEX principals_by_display_name ON principals (kind, display_key, object_id);
CREATE INDEX principals_by_kind ON principals (kind, object_id);

CREATE TABLE memberships (
    group_id TEXT COLLATE BINARY NOT NULL REFERENCES principals (object_id) ON DELETE CASCADE,
    member_id TEXT COLLATE BINARY NOT NULL REFERENCES principals (object_id) ON DELETE CASCADE,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, member_id)
);
CREATE INDEX memberships_by_member ON memberships (member_id, group_id);

INSERT INTO revision (id, value) VALUES (2, 0);
