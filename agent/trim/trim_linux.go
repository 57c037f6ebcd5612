package trim

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// dropBinary unmaps the pages of the binary; those that are needed again come back from the page cache.
func dropBinary() error {
	binary, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find the binary: %w", err)
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("read the mappings: %w", err)
	}
	defer smaps.Close()
	spans, err := untouched(smaps, binary)
	if err != nil {
		return fmt.Errorf("read the mappings: %w", err)
	}
	for _, s := range spans {
		if _, _, failed := unix.Syscall(unix.SYS_MADVISE, s.start, s.length, unix.MADV_DONTNEED); failed != 0 {
			return fmt.Errorf("give pages back: %w", failed)
		}
	}
	return nil
}
