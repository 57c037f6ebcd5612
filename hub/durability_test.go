//go:build linux

package hub_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub"
)

// killsVariable says how often TestAcknowledgedRequestsSurviveKills kills a hub.
const killsVariable = "FAIRLEAD_TEST_KILLS"

func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv(killsVariable)
	if text == "" {
		return 8
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", killsVariable, err)
	}
	return number
}

// journal is what a hub has acknowledged: groups that were made (true) or deleted.
type journal struct {
	mutex  sync.Mutex
	groups map[string]bool
}

func (j *journal) note(group string, there bool) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.groups[group] = there
}

// unlimited lets one principal ask as often as a test does.
func unlimited(config *hub.Config) { config.PrincipalRate = 1_000_000 }

// Whatever was acknowledged is there after the next start, however the hub was killed, and what
// was under way is finished.
func TestAcknowledgedRequestsSurviveKills(t *testing.T) {
	folder, known := t.TempDir(), &journal{groups: map[string]bool{}}
	var administrator *hub.Administrator
	for round := range kills(t) {
		on := spawn(t, folder)
		if on.Administrator != nil {
			administrator = on.Administrator
		}
		bearer := on.signIn(t, administrator.AppID, string(administrator.Secret))
		subscription := on.subscription(t, bearer)
		var writers sync.WaitGroup
		for writer := range 4 {
			writers.Go(func() { on.writeUntilKilled(bearer, subscription, fmt.Sprintf("g-%d-%d", round, writer), known) })
		}
		time.AfterFunc(rand.N(300*time.Millisecond), func() { _ = on.process.Process.Kill() })
		_ = on.process.Wait() // it was killed
		writers.Wait()
	}
	final := start(t, folder, unlimited)
	bearer := final.signIn(t, administrator.AppID, string(administrator.Secret))
	subscription := final.subscription(t, bearer)
	for group, there := range known.groups {
		final.wantGroup(t, bearer, subscription, group, map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[there])
	}
	if len(known.groups) < kills(t) {
		t.Errorf("only %d writes were acknowledged", len(known.groups))
	}
	t.Logf("%d kills, %d acknowledged groups", kills(t), len(known.groups))
}

const groupVersion = "?api-version=2024-11-01"

func groupPath(subscription, name string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/" + name + groupVersion
}

// writeUntilKilled makes groups and deletes every third of them.
func (s *spawned) writeUntilKilled(bearer, subscription, prefix string, known *journal) {
	for i := 0; ; i++ {
		group := fmt.Sprintf("%s-%d", prefix, i)
		status, err := s.write(http.MethodPut, groupPath(subscription, group), bearer, `{"location":"local","tags":{"i":"1"}}`)
		if err != nil {
			return
		}
		if status == http.StatusCreated {
			known.note(group, true)
		}
		if i%3 != 0 {
			continue
		}
		status, err = s.write(http.MethodDelete, groupPath(subscription, group), bearer, "")
		if err != nil {
			known.forget(group) // it may be deleted or not
			return
		}
		if status == http.StatusAccepted || status == http.StatusOK {
			known.note(group, false)
		}
	}
}

func (j *journal) forget(group string) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	delete(j.groups, group)
}

func (r *running) write(method, path, bearer, body string) (int, error) {
	request, err := http.NewRequest(method, r.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+bearer)
	answer, err := r.http.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, errors.Join(err, answer.Body.Close())
}

// wantGroup waits for a deletion that the new hub goes on with: want is 200 or 404.
func (r *running) wantGroup(t *testing.T, bearer, subscription, group string, want int) {
	t.Helper()
	var status int
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if status, _ = r.do(t, http.MethodGet, groupPath(subscription, group), bearer, ""); status == want {
			return
		}
		if want == http.StatusOK {
			break
		}
	}
	t.Errorf("%s: %d, want %d: an acknowledged write is lost", group, status, want)
}

// smallDisk mounts a file system of so many MiB.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	folder := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small disk needs root")
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", size)); err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	return folder
}

// A hub whose disk is full says so, goes on reading, loses nothing, and writes again once there is room.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, 24)
	on := start(t, filepath.Join(disk, "hub"), unlimited)
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	subscription := on.subscription(t, bearer)
	fill(t, filepath.Join(disk, "ballast"))
	made, refusal := 0, map[string]any{}
	for refusal["error"] == nil {
		var status int
		status, refusal = on.do(t, http.MethodPut, groupPath(subscription, fmt.Sprintf("g%d", made)), bearer, `{"location":"local"}`)
		if status == http.StatusCreated {
			made++
		} else if status != http.StatusServiceUnavailable {
			t.Fatalf("%d %v", status, refusal)
		}
		if made > 100_000 {
			t.Fatal("the disk never got full")
		}
	}
	if told, _ := refusal["error"].(map[string]any); told["code"] != "InsufficientStorage" {
		t.Errorf("%v", refusal)
	}
	if status, _ := on.do(t, http.MethodGet, groupPath(subscription, "default"), bearer, ""); status != http.StatusOK {
		t.Errorf("reading: %d", status)
	}
	if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
		t.Fatal(err)
	}
	if status, answer := on.do(t, http.MethodPut, groupPath(subscription, "after"), bearer, `{"location":"local"}`); status != http.StatusCreated {
		t.Errorf("with room again: %d %v", status, answer)
	}
	for i := range made {
		on.wantGroup(t, bearer, subscription, fmt.Sprintf("g%d", i), http.StatusOK)
	}
}

// fill writes until the disk is full.
func fill(t *testing.T, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// A hub on a disk that cannot be written refuses to start, and says why.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, 24)
	on := start(t, filepath.Join(disk, "hub"))
	if err := on.stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	config, _ := testConfig(filepath.Join(disk, "hub"))
	opened, err := hub.New(t.Context(), config)
	if err == nil {
		_ = opened.Close()
		t.Fatal("a hub started where it cannot write")
	}
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("%v", err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	start(t, filepath.Join(disk, "hub"))
}
