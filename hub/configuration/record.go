package configuration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// RecordPath is where a document holds what the hub notes for itself. Nobody is shown it, and nobody can set it.
const RecordPath = "fairlead"

// Record is what the hub notes of every write. Deleted says that the configuration is to go, Forced that its cluster is not to be
// waited for.
type Record struct {
	Generation    int64     `json:"generation"`
	CorrelationID string    `json:"correlationId,omitempty"`
	RequestedAt   time.Time `json:"requestedAt"`
	ProtectedHash string    `json:"protectedHash,omitempty"`
	Deleted       bool      `json:"deleted,omitempty"`
	Forced        bool      `json:"forced,omitempty"`
	// Failure is why the hub's operation for this generation has failed.
	Failure *fairlead.ExtensionError `json:"failure,omitempty"`
}

// Next is the record of a new generation. Generations follow the clock, so that a configuration that is made anew under an old
// name, or by a hub that was restored, never repeats one.
func (r Record) Next(now time.Time, correlation string) Record {
	r.Generation = max(r.Generation+1, now.UnixMilli())
	r.RequestedAt, r.CorrelationID = now.UTC(), correlation
	r.Deleted, r.Forced, r.Failure = false, false, nil
	return r
}

// Unreported is why the hub's operation has failed, as long as the cluster has said nothing of this generation. Observed is the
// generation that it has spoken of.
func (r Record) Unreported(observed int64) *fairlead.ExtensionError {
	if observed >= r.Generation {
		return nil
	}
	return r.Failure
}

// Protected refers to the Secret of that name which the cluster makes of the protected settings, nil when there are none.
func (r Record) Protected(secret string) *fairlead.ProtectedSettings {
	if r.ProtectedHash == "" {
		return nil
	}
	return &fairlead.ProtectedSettings{SecretName: secret, Hash: r.ProtectedHash}
}

// Note puts a record, of whatever kind, into a document.
func Note(document map[string]any, record any) error {
	text, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode what is noted of a configuration: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var made map[string]any
	if err := decoder.Decode(&made); err != nil {
		return fmt.Errorf("encode what is noted of a configuration: %w", err)
	}
	document[RecordPath] = made
	return nil
}

// Document is what all documents have.
type Document struct {
	Properties struct {
		ProvisioningState string `json:"provisioningState"`
	} `json:"properties"`
	Record Record `json:"fairlead"`
}

// Read reads a stored document.
func Read(stored store.Resource) (Document, error) {
	var found Document
	if err := json.Unmarshal(stored.Body, &found); err != nil {
		return Document{}, fmt.Errorf("read %s: %w", stored.Key, err)
	}
	return found, nil
}
