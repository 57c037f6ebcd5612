package run

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// readKernel reads what the machine tells about its kernel. Files that are absent are an answer, too: no tables.
func readKernel(paths wire.HostPaths) *wire.Kernel {
	proc := paths.Proc
	if proc == "" {
		proc = "/proc"
	}
	kernel := &wire.Kernel{Errors: map[string]string{}}
	kernel.Release = strings.Join(fields(kernel, filepath.Join(proc, "sys/kernel/osrelease")), " ")
	kernel.Modules = fields(kernel, filepath.Join(proc, "modules"))
	kernel.Tables = fields(kernel, filepath.Join(proc, "net/ip_tables_names"))
	for _, folder := range paths.ModulesLoad {
		files, err := filepath.Glob(filepath.Join(folder, "*.conf"))
		if _, missing := os.Stat(folder); err != nil || missing != nil {
			note(kernel, folder, errors.Join(err, missing))
		}
		for _, file := range files {
			kernel.Persistent = append(kernel.Persistent, fields(kernel, file)...)
		}
	}
	slices.Sort(kernel.Persistent)
	kernel.Persistent = slices.Compact(kernel.Persistent)
	return kernel
}

// fields gives the first word of every line that is no comment.
func fields(kernel *wire.Kernel, path string) []string {
	data, err := os.ReadFile(path) //nolint:gosec // the plan says what to read, and doctor makes the plan
	if err != nil {
		note(kernel, path, err)
		return nil
	}
	var words []string
	for line := range strings.Lines(string(data)) {
		found := strings.Fields(line)
		if len(found) > 0 && !strings.HasPrefix(found[0], "#") && !strings.HasPrefix(found[0], ";") {
			words = append(words, found[0])
		}
	}
	return words
}

func note(kernel *wire.Kernel, path string, err error) {
	if why, ok := errors.AsType[*fs.PathError](err); ok {
		err = why.Err
	}
	kernel.Errors[path] = err.Error()
}
