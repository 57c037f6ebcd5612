package hub

import (
	"context"
	"fmt"
	"path/filepath"
)

const (
	mebibyte = 1 << 20
	// The registry holds the agents' image twice while a new version is packed, and SQLite's log grows
	// with a burst of writes: below the first the hub will soon stand still, below the second one day.
	leastDisk  = 200 * mebibyte
	betterDisk = 2048 * mebibyte

	// Each agent holds one connection; the hub wants some for people, files and the database.
	leastFiles  = 1024
	betterFiles = 16384
)

func (i *inspection) disk(context.Context) CheckResult {
	const check = "disk"
	folder := i.config.Data
	for !exists(folder) && filepath.Dir(folder) != folder {
		folder = filepath.Dir(folder)
	}
	free, err := freeBytes(folder)
	if err != nil {
		return failed(check, err, "let the hub's user reach the folder")
	}
	found := fmt.Sprintf("%d MiB are free in %s", free/mebibyte, folder)
	switch {
	case free < leastDisk:
		return CheckResult{check, CheckFailed, found, fmt.Sprintf("make room: the hub needs %d MiB to go on", leastDisk/mebibyte)}
	case free < betterDisk:
		return warned(check, found, fmt.Sprintf("make room: %d MiB are comfortable", betterDisk/mebibyte))
	}
	return passed(check, found)
}

func (i *inspection) connections(context.Context) CheckResult {
	const check = "connections"
	limit, err := openFiles()
	if err != nil {
		return skipped(check, err.Error())
	}
	found := fmt.Sprintf("the system lets this user's processes hold %d files and connections", limit)
	switch {
	case limit < leastFiles:
		return CheckResult{check, CheckFailed, found, "raise it: LimitNOFILE= in the unit, ulimit -n in a shell; each agent needs one or two"}
	case limit < betterFiles:
		return warned(check, found, "enough for some thousand clusters; raise it for more: LimitNOFILE= in the unit, ulimit -n in a shell")
	}
	return passed(check, found)
}
