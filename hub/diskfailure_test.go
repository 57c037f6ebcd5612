//go:build linux

package hub_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// goingDown is EXT4_IOC_SHUTDOWN of Linux' fs/ext4/ext4.h: from then on every write fails as it does when a disk dies. What is
// being synced at that moment is finished first: the other two ways report a sync that has not happened as done, now and then,
// and then a bare loop of pwrite and fdatasync loses its last record as well.
const (
	goingDown        = 0x8004587d
	finishWhatIsSent = 0
)

// disk is a file system of its own that can die and be mounted again.
type disk struct{ image, folder string }

func newDisk(t *testing.T) disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a disk needs root")
	}
	made := disk{image: filepath.Join(t.TempDir(), "disk"), folder: t.TempDir()}
	command(t, "truncate", "-s", "64M", made.image)
	command(t, "mkfs.ext4", "-q", made.image)
	made.mount(t)
	t.Cleanup(func() { _ = unix.Unmount(made.folder, unix.MNT_DETACH) })
	return made
}

func (d disk) mount(t *testing.T) {
	t.Helper()
	command(t, "mount", "-o", "loop", d.image, d.folder)
}

func (d disk) die() error {
	root, err := os.Open(d.folder)
	if err != nil {
		return err
	}
	return errors.Join(unix.IoctlSetPointerInt(int(root.Fd()), goingDown, finishWhatIsSent), root.Close())
}

func command(t *testing.T, name string, arguments ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, arguments, err, output)
	}
}

// A disk that dies under a hub at work takes nothing along that was acknowledged; the hub says what is wrong and does not
// pretend to have written.
func TestDiskDiesUnderTheHub(t *testing.T) {
	on, known := newDisk(t), &journal{groups: map[string]bool{}}
	folder := filepath.Join(on.folder, "hub")
	first := spawn(t, folder)
	administrator := first.Administrator
	bearer := first.signIn(t, administrator.AppID, string(administrator.Secret))
	subscription := first.subscription(t, bearer)
	var writers sync.WaitGroup
	for writer := range 4 {
		writers.Go(func() { first.writeUntilRefused(bearer, subscription, fmt.Sprintf("g-%d", writer), known) })
	}
	dead := make(chan error, 1)
	time.AfterFunc(300*time.Millisecond, func() { dead <- on.die() })
	writers.Wait()
	if err := <-dead; err != nil {
		t.Fatalf("let the disk die: %v", err)
	}
	status, refusal := first.do(t, http.MethodPut, groupPath(subscription, "late"), bearer, `{"location":"local"}`)
	if told, _ := refusal["error"].(map[string]any); status != http.StatusServiceUnavailable || told["code"] != "StorageUnavailable" {
		t.Errorf("without a disk: %d %v", status, refusal)
	}
	_ = first.process.Process.Kill()
	_ = first.process.Wait() // it was killed
	if err := unix.Unmount(on.folder, 0); err != nil {
		t.Fatal(err)
	}
	on.mount(t)
	final := spawn(t, folder)
	bearer = final.signIn(t, administrator.AppID, string(administrator.Secret))
	for group := range known.groups {
		final.wantGroup(t, bearer, subscription, group, http.StatusOK)
	}
	if len(known.groups) == 0 {
		t.Error("nothing was acknowledged before the disk died")
	}
	t.Logf("%d acknowledged groups", len(known.groups))
	_ = final.process.Process.Kill()
	_ = final.process.Wait() // before the disk is taken away
}

// writeUntilRefused makes groups until one is refused for another reason than the principal's rate.
func (s *spawned) writeUntilRefused(bearer, subscription, prefix string, known *journal) {
	for i := 0; ; i++ {
		group := fmt.Sprintf("%s-%d", prefix, i)
		status, err := s.write(http.MethodPut, groupPath(subscription, group), bearer, `{"location":"local"}`)
		switch {
		case status == http.StatusCreated:
			known.note(group, true)
		case err != nil || status != http.StatusTooManyRequests:
			return
		}
	}
}
