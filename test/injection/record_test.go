package injection_test

import (
	"fmt"
	"os"
	"strings"
)

// record appends the result of a case to the file that FAIRLEAD_INJECTIONS names, from which docs/doctor-coverage.md is made.
func (b *bench) record(id string) {
	path := os.Getenv("FAIRLEAD_INJECTIONS")
	if path == "" {
		return
	}
	result := "pass"
	if b.t.Failed() {
		result = "FAIL"
	}
	if id == "" {
		id = "-"
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	b.must(err)
	defer func() { b.must(file.Close()) }()
	_, err = fmt.Fprintf(file, "%s %s %s\n", id, strings.TrimPrefix(b.t.Name(), "TestInjection/"), result)
	b.must(err)
}
