package trim

import (
	"slices"
	"strings"
	"testing"
)

func TestReadOnlyLeavesWhatIsWritten(t *testing.T) {
	const maps = `00400000-01795000 r-xp 00000000 fe:00 1 /fairlead
01795000-029c4000 r--p 01395000 fe:00 1 /fairlead
029c4000-02b15000 rw-p 025c4000 fe:00 1 /fairlead
7f3da7adc000-7f3da7c32000 r-xp 00026000 fe:00 2 /usr/lib/libc.so.6
2bb9ba000000-2bb9ba800000 rw-p 00000000 00:00 0
broken r--p 00000000 fe:00 1 /fairlead
`
	got, err := readOnly(strings.NewReader(maps), "/fairlead")
	want := []span{{0x400000, 0x1395000}, {0x1795000, 0x122f000}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %x, %v; want %x", got, err, want)
	}
}

func TestDropBinaryLeavesTheProcessWorking(t *testing.T) {
	if err := dropBinary(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Repeat("x", 3); got != "xxx" {
		t.Errorf("got %q", got)
	}
}
