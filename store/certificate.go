package store

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
)

// Certificate is the journal entry of one certificate that the hub has issued to a cluster.
type Certificate struct {
	Serial, ClusterKey            string
	NotBefore, NotAfter, IssuedAt time.Time
}

func readCertificate(row scanner) (Certificate, error) {
	var c Certificate
	var from, until, issued int64
	err := row.Scan(&c.Serial, &c.ClusterKey, &from, &until, &issued)
	c.NotBefore, c.NotAfter, c.IssuedAt = moment(from), moment(until), moment(issued)
	return c, err
}

// RecordCertificate journals a certificate; Conflict when the serial number is there already.
func (db *DB) RecordCertificate(ctx context.Context, c Certificate) error {
	changed, err := db.exec(ctx, "record certificate", `INSERT INTO certificates (serial, cluster_key, not_before, not_after, issued_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		c.Serial, c.ClusterKey, micros(c.NotBefore), micros(c.NotAfter), micros(defaultTime(c.IssuedAt)))
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "certificate %s is recorded already", c.Serial)
	}
	return err
}

// Certificates returns what was issued to a cluster, newest first.
func (db *DB) Certificates(ctx context.Context, clusterKey string) ([]Certificate, error) {
	return many(ctx, db.read, readCertificate, `SELECT serial, cluster_key, not_before, not_after, issued_at
		FROM certificates WHERE cluster_key = $1 ORDER BY issued_at DESC, serial`, clusterKey)
}
