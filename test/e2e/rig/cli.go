package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// CLI runs the binary as a person would, with a configuration folder of its own.
type CLI struct {
	Binary     string
	ConfigDir  string
	Kubeconfig string
}

// Result is what a command left behind.
type Result struct {
	Out, Err string
	Code     int
}

// Environment is this process's, with the configuration folder and kubeconfig of c.
func (c CLI) Environment() []string {
	return append(os.Environ(), "FAIRLEAD_CONFIG_DIR="+c.ConfigDir, "KUBECONFIG="+c.Kubeconfig)
}

// Run runs one command to its end. Only a command that could not be started is an error.
func (c CLI) Run(ctx context.Context, args ...string) (Result, error) {
	command := exec.CommandContext(ctx, c.Binary, args...)
	command.Env = c.Environment()
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Result{}, fmt.Errorf("run fairlead %v: %w", args, err)
	}
	return Result{Out: out.String(), Err: problems.String(), Code: command.ProcessState.ExitCode()}, nil
}

// JSON runs one command that must succeed and decodes what it prints with -o json into v.
func (c CLI) JSON(ctx context.Context, v any, args ...string) error {
	result, err := c.Run(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return fmt.Errorf("fairlead %v ended with %d: %s", args, result.Code, result.Err)
	}
	if err := json.Unmarshal([]byte(result.Out), v); err != nil {
		return fmt.Errorf("fairlead %v printed no JSON: %w: %.500s", args, err, result.Out)
	}
	return nil
}
