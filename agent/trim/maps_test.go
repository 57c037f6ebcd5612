package trim

import (
	"slices"
	"strings"
	"testing"
)

func TestOnlyWhatNobodyEverWroteIsDropped(t *testing.T) {
	const smaps = `00400000-01795000 r-xp 00000000 fe:00 1                      /fairlead
Size:              20052 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
01795000-029c4000 r--p 01395000 fe:00 1                      /fairlead
Anonymous:             0 kB
VmFlags: rd mr mw me
029c4000-029c5000 r--p 025c4000 fe:00 1                      /fairlead
Anonymous:             4 kB
VmFlags: rd mr mw me
029c5000-029c6000 r--p 025c5000 fe:00 1                      /fairlead
Anonymous:             0 kB
Swap:                  4 kB
VmFlags: rd mr mw me
029c6000-02b15000 rw-p 025c6000 fe:00 1                      /fairlead
Anonymous:             0 kB
VmFlags: rd wr mr mw me
7f3da7adc000-7f3da7c32000 r-xp 00026000 fe:00 2              /usr/lib/libc.so.6
Anonymous:             0 kB
VmFlags: rd ex mr mw me
2bb9ba000000-2bb9ba800000 rw-p 00000000 00:00 0
Anonymous:             0 kB
VmFlags: rd wr mr mw me
`
	got, err := untouched(strings.NewReader(smaps), "/fairlead")
	want := []span{{0x400000, 0x1395000}, {0x1795000, 0x122f000}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %x, %v; want %x", got, err, want)
	}
}

func TestDropBinaryLeavesTheProcessWorking(t *testing.T) {
	for range 3 {
		if err := dropBinary(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Repeat("x", 3); got != "xxx" {
			t.Errorf("got %q", got)
		}
	}
}

func FuzzUntouched(f *testing.F) {
	f.Add("00400000-01795000 r-xp 00000000 fe:00 1 /fairlead\nAnonymous: 0 kB\nVmFlags: rd\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, _ := untouched(strings.NewReader(text), "/fairlead")
		for _, s := range found {
			if s.length == 0 {
				t.Error("an empty span")
			}
		}
	})
}
