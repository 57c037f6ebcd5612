package hub_test

import (
	"crypto"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub"
	"github.com/fairlead/fairlead/hub/backup"
	"github.com/fairlead/fairlead/proof"
)

func saved(t *testing.T, folder string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hub.backup")
	if _, err := hub.Backup(t.Context(), backup.Backup{Data: folder, Output: file}); err != nil {
		t.Fatal(err)
	}
	return file
}

// restored stops a hub and starts one of a backup under the same address.
func restored(t *testing.T, before *running, file string) *running {
	t.Helper()
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if _, err := hub.Restore(t.Context(), backup.Restore{Data: folder, File: file}); err != nil {
		t.Fatal(err)
	}
	return start(t, folder, func(c *hub.Config) { c.Listen = strings.TrimPrefix(before.URL, "https://") })
}

func (c *cluster) beat(t *testing.T) error {
	t.Helper()
	return c.call(t.Context(), fairlead.OpHeartbeat, fairlead.Heartbeat{}, &fairlead.HeartbeatResponse{})
}

func (c *cluster) show(t *testing.T, bearer string) (int, map[string]any) {
	t.Helper()
	status, shown := c.do(t, http.MethodGet, c.id.String()+"?api-version=2024-01-01", bearer, "")
	properties, _ := shown["properties"].(map[string]any)
	return status, properties
}

func TestRestoreRefusesWhileAHubRuns(t *testing.T) {
	folder := t.TempDir()
	start(t, folder)
	_, err := hub.Restore(t.Context(), backup.Restore{Data: folder, File: saved(t, folder), Existing: backup.Replace})
	if err == nil || !strings.Contains(err.Error(), "another hub") {
		t.Errorf("got %v", err)
	}
}

// The hub dies and comes back as it was a week ago. Meanwhile one cluster was connected, one was deleted, one got a
// newer certificate and other tags, and one was connected anew under its name.
func TestHubOfAnOldBackup(t *testing.T) {
	folder := t.TempDir()
	on := start(t, folder)
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	kept, gone, renamed := connectAs(t, on, bearer, "kept"), connectAs(t, on, bearer, "gone"), connectAs(t, on, bearer, "renamed")
	for _, c := range []*cluster{kept, gone, renamed} {
		if err := c.beat(t); err != nil {
			t.Fatal(err)
		}
	}
	onboarding := kept.onboarding
	if err := on.stop(); err != nil { // it writes down when it heard of clusters last
		t.Fatal(err)
	}
	file := saved(t, folder)
	on = start(t, folder, func(c *hub.Config) { c.Listen = strings.TrimPrefix(on.URL, "https://") })
	for _, c := range []*cluster{kept, gone, renamed} {
		c.running = on
	}

	late := connectAs(t, on, bearer, "late")
	remove(t, on, bearer, gone)
	remove(t, on, bearer, renamed)
	anew := connectAs(t, on, bearer, "renamed")
	kept.signer = proof.Signer{Key: onboarding, Now: time.Now}
	kept.enrol(t)
	newest := tag(t, on, bearer, kept, "newest")
	var state fairlead.PendingConfigs
	if err := kept.call(t.Context(), fairlead.OpPendingConfigs, fairlead.PendingQuery{}, &state); err != nil {
		t.Fatal(err)
	}
	replay := kept.request(t, fairlead.OpHeartbeat, fairlead.Heartbeat{})
	if status, answer := on.send(t, replay()); status != http.StatusOK {
		t.Fatalf("%d %v", status, answer)
	}

	back := restored(t, on, file)
	for _, c := range []*cluster{kept, gone, renamed, late, anew} {
		c.running = back
	}
	t.Run("Said", func(t *testing.T) { saidRestored(t, back) })
	t.Run("Replay", func(t *testing.T) {
		if status, answer := back.send(t, replay()); status != http.StatusUnauthorized {
			t.Errorf("a request of the time before was accepted again: %d %v", status, answer)
		}
	})
	t.Run("NewerCertificate", func(t *testing.T) { keptComesBack(t, kept, state.ETag) })
	t.Run("Unknown", func(t *testing.T) { lateIsTold(t, back, late) })
	t.Run("ConnectedAnew", func(t *testing.T) { anewIsTold(t, anew) })
	t.Run("Deleted", func(t *testing.T) {
		if status, properties := gone.show(t, bearer); status != http.StatusOK || properties["lastConnectivityTime"] == nil {
			t.Errorf("not to be seen: %d %v", status, properties)
		}
	})
	t.Run("ETags", func(t *testing.T) { etagsMoveOn(t, back, bearer, kept, newest) })
	t.Run("Mended", func(t *testing.T) {
		if err := connectAs(t, back, bearer, "late").beat(t); err != nil {
			t.Errorf("connected again: %v", err)
		}
	})
}

func saidRestored(t *testing.T, back *running) {
	t.Helper()
	if !strings.Contains(back.log.String(), "restored from a backup") {
		t.Error("the log does not say that the hub was restored")
	}
}

func keptComesBack(t *testing.T, kept *cluster, etag string) {
	t.Helper()
	if err := kept.beat(t); err != nil {
		t.Errorf("a certificate newer than the backup: %v", err)
	}
	answer := fairlead.PendingConfigs{}
	if err := kept.call(t.Context(), fairlead.OpPendingConfigs, fairlead.PendingQuery{ETag: etag, WaitSeconds: 20}, &answer); err != nil || answer.Unchanged {
		t.Errorf("the poll with an etag that the hub has forgotten: %+v %v", answer, err)
	}
}

func lateIsTold(t *testing.T, back *running, late *cluster) {
	t.Helper()
	if err := late.beat(t); err == nil || !strings.Contains(err.Error(), "fairlead connectedk8s connect -n late -g default") {
		t.Errorf("a cluster that is younger than the backup is not told what to do: %v", err)
	}
	if !strings.Contains(back.log.String(), "/connectedClusters/late") {
		t.Error("the log does not name the cluster that the hub does not know")
	}
}

func anewIsTold(t *testing.T, anew *cluster) {
	t.Helper()
	if err := anew.beat(t); err == nil || !strings.Contains(err.Error(), "CertificateNotCurrent") {
		t.Errorf("a cluster that was connected anew: %v", err)
	}
	if err := anew.renew(t); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("and its key: %v", err)
	}
}

func etagsMoveOn(t *testing.T, back *running, bearer string, kept *cluster, newest string) {
	t.Helper()
	if status, _ := patch(t, back, bearer, kept, "other", newest); status != http.StatusPreconditionFailed {
		t.Errorf("an etag of the time after the backup matched: %d", status)
	}
	if again := tag(t, back, bearer, kept, "again"); again == newest {
		t.Error("an etag was given a second time")
	}
}

func remove(t *testing.T, on *running, bearer string, c *cluster) {
	t.Helper()
	if status, answer := on.do(t, http.MethodDelete, c.id.String()+"?api-version=2024-01-01", bearer, ""); status >= 300 {
		t.Fatalf("delete: %d %v", status, answer)
	}
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		if status, _ := c.show(t, bearer); status == http.StatusNotFound {
			return
		}
	}
	t.Fatal("still there")
}

func patch(t *testing.T, on *running, bearer string, c *cluster, value, etag string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, on.URL+c.id.String()+"?api-version=2024-01-01", strings.NewReader(`{"tags":{"x":"`+value+`"}}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+bearer)
	if etag != "" {
		request.Header.Set("If-Match", etag)
	}
	answer, err := on.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode, answer.Header.Get("ETag")
}

func tag(t *testing.T, on *running, bearer string, c *cluster, value string) string {
	t.Helper()
	status, made := patch(t, on, bearer, c, value, "")
	if status != http.StatusOK || made == "" {
		t.Fatalf("tag: %d, etag %q", status, made)
	}
	return made
}

// renew asks for a certificate with the cluster's onboarding key.
func (c *cluster) renew(t *testing.T) error {
	t.Helper()
	c.signer = proof.Signer{Key: crypto.Signer(c.onboarding), Now: time.Now}
	return c.obtain(t)
}
