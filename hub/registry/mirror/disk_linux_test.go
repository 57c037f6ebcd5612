package mirror_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
)

// smallDisk mounts a file system of two megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A file system of a few pages stands for a full disk.
func TestFullDiskIsSaid(t *testing.T) {
	s := open(t, smallDisk(t), time.Now)
	upload, err := s.Begin("app")
	if err != nil {
		t.Fatal(err)
	}
	_, err = upload.Append(-1, strings.NewReader(strings.Repeat("x", 4<<20)))
	if fairlead.CodeOf(err) != "InsufficientStorage" || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("got %v", err)
	}
	if _, err := s.Upload("app", upload.ID); err == nil {
		t.Error("half a blob stays on a full disk")
	}
	if push(t, s); !s.HasBlob("app", digest) {
		t.Error("after a large push failed, a small one does not fit")
	}
}
