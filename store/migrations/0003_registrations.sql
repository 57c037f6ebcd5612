CREATE TABLE registrations (
    subscription TEXT COLLATE BINARY NOT NULL,
    name TEXT COLLATE BINARY NOT NULL,
    spelling TEXT NOT NULL,
    registered BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (subscription, name)
);
