package store

import (
	"slices"
	"testing"
	"time"
)

func block() []AuditEntry {
	at := time.UnixMicro(1_800_000_000_000_000).UTC()
	first := AuditEntry{
		ID: at.UnixMicro(), At: at, EndedAt: at.Add(time.Millisecond), Subscription: "s", ResourceGroup: "g", ClusterID: "/s/g/a", Caller: "ana", Path: "/api",
		Status: 200, BytesOut: 1 << 50, RequestID: "r", UserAgent: "kubectl",
	}
	second := first
	second.ID, second.EndedAt, second.Status, second.Reason = first.ID+5, time.Time{}, 0, "why"
	third := second
	third.At, third.EndedAt, third.BytesIn = at.Add(-time.Hour), at.Add(-2*time.Hour), 7
	return []AuditEntry{first, second, third}
}

func TestBlockIsReadAsItWasWritten(t *testing.T) {
	for _, entries := range [][]AuditEntry{nil, block()[:1], block(), {{}}} {
		found, err := decodeAudit(encodeAudit(entries))
		if err != nil || !slices.Equal(found, entries) {
			t.Errorf("%+v, %v, want %+v", found, err, entries)
		}
	}
}

// FuzzBlock reads damaged blocks: they are refused, or read as something that can be written.
func FuzzBlock(f *testing.F) {
	f.Add(encodeAudit(block()))
	f.Add(encodeAudit(nil))
	f.Add([]byte{auditBlockVersion, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, body []byte) {
		found, err := decodeAudit(body)
		if err != nil {
			return
		}
		again, err := decodeAudit(encodeAudit(found))
		if err != nil || !slices.Equal(again, found) {
			t.Errorf("%+v became %+v, %v", found, again, err)
		}
	})
}
