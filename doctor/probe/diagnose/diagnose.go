// Package diagnose is the part of az's troubleshooting that runs in the cluster. That client starts a fixed image with a fixed
// command, a shell and its script; the image that Fairlead puts in its place has a program by the shell's name, and this package is
// what it does: look at the names and endpoints that the agents' release needs, and print the lines by which the client judges.
package diagnose

import (
	"context"
	"fmt"
	"io"

	"github.com/fairlead/fairlead/doctor/probe/precheck"
)

// Shell and Script are the command with which the client starts the image: /bin/bash /diagnoser_job_script.sh NAMESPACE.
const (
	Shell  = "bash"
	Script = "/diagnoser_job_script.sh"
)

// Run looks at what the release in namespace needs, and prints what it saw. The client takes the last line for the endpoints.
func Run(ctx context.Context, api precheck.Getter, runner precheck.Runner, namespace string, out io.Writer) error {
	found, err := readRelease(ctx, api, namespace)
	if err != nil {
		return fmt.Errorf("find out which endpoints the agents need: %w", err)
	}
	return precheck.Look(ctx, runner, found.settings()).Write(out)
}
