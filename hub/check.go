package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/fairlead/fairlead/store"
)

// The states of a check.
const (
	CheckPassed  = "pass"
	CheckWarned  = "warn"
	CheckFailed  = "fail"
	CheckSkipped = "skipped"
)

// CheckResult is what one check of Check found. Next says what to do, and is empty when there is
// nothing to do.
type CheckResult struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Found  string `json:"found"`
	Next   string `json:"next"`
}

// inspection is one run of Check. It changes nothing that a hub keeps.
type inspection struct {
	config  Config
	running bool // a hub holds the data folder
}

// Check looks at what a hub with this configuration needs, whether it runs or not, and changes
// nothing.
func Check(ctx context.Context, config Config) []CheckResult {
	if err := config.Validate(); err != nil {
		return []CheckResult{failed("configuration", err, "mend these settings; the other checks need them")}
	}
	i := &inspection{config: config}
	results := []CheckResult{passed("configuration", "every setting is valid")}
	for _, check := range []func(context.Context) CheckResult{
		i.folder, i.disk, i.holder, i.database, i.masterKey, i.authority, i.certificate, i.names, i.port, i.connections,
	} {
		results = append(results, check(ctx))
	}
	return results
}

func passed(check, found string) CheckResult { return CheckResult{check, CheckPassed, found, ""} }

func skipped(check, found string) CheckResult { return CheckResult{check, CheckSkipped, found, ""} }

func warned(check, found, next string) CheckResult {
	return CheckResult{check, CheckWarned, found, next}
}

func failed(check string, err error, next string) CheckResult {
	return CheckResult{check, CheckFailed, err.Error(), next}
}

func (i *inspection) path(name string) string { return filepath.Join(i.config.Data, name) }

func (i *inspection) folder(context.Context) CheckResult {
	const check = "data folder"
	info, err := os.Stat(i.config.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return passed(check, i.config.Data+" is not there yet: the first start makes it")
	case err != nil:
		return failed(check, err, "let the hub's user reach the folder, or choose another with --data")
	case !info.IsDir():
		return failed(check, fmt.Errorf("%s is not a folder", i.config.Data), "choose a folder with --data")
	case info.Mode().Perm()&0o077 != 0:
		return warned(check, fmt.Sprintf("%s is open to others (mode %04o)", i.config.Data, info.Mode().Perm()), "chmod 700 "+i.config.Data)
	}
	if err := writable(i.config.Data); err != nil {
		return failed(check, err, "let the hub's user write there, or mount the file system for writing")
	}
	return passed(check, i.config.Data+" is there and can be written to")
}

// writable tries what the hub does: to make a file.
func writable(folder string) error {
	file, err := os.CreateTemp(folder, ".check-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// holder finds out whether a hub runs, by the lock that it holds.
func (i *inspection) holder(context.Context) CheckResult {
	const check = "running"
	name := i.path("hub.lock")
	if !exists(name) {
		return passed(check, "no hub runs on this data folder")
	}
	file := flock.New(name, flock.SetFlag(os.O_RDWR))
	held, err := file.TryRLock()
	if err != nil {
		return failed(check, err, "let the hub's user read "+name)
	}
	if i.running = !held; i.running {
		return passed(check, "a hub"+holder(name)+" runs on this data folder")
	}
	if err := file.Unlock(); err != nil {
		return failed(check, err, "try again")
	}
	return passed(check, "no hub runs on this data folder")
}

func (i *inspection) database(ctx context.Context) CheckResult {
	const check = "database"
	name := i.path("hub.db")
	if !exists(name) {
		return passed(check, name+" is not there yet: the first start makes it")
	}
	if err := store.Inspect(ctx, name); err != nil {
		return failed(check, err, "restore a backup; keep the damaged files for a closer look")
	}
	return passed(check, name+" is sound")
}

func (i *inspection) masterKey(context.Context) CheckResult {
	const check = "master key"
	name := i.path("master.key")
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !exists(i.path("hub.db")):
		return passed(check, name+" is not there yet: the first start makes it")
	case err != nil:
		return failed(check, err, "restore master.key from the backup; without it the secrets in the database cannot be read")
	case info.Mode().Perm()&0o077 != 0:
		return warned(check, fmt.Sprintf("%s is open to others (mode %04o)", name, info.Mode().Perm()), "chmod 600 "+name)
	}
	return passed(check, name+" is there, and for the hub's user alone")
}
