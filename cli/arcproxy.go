package cli

import (
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/arcproxy"
)

// arcProxyCommand is the name of the command that the binary is when the az client runs it.
const arcProxyCommand = "arc-proxy"

// Arguments returns the arguments of a command line, whose first word is the program's name: az fetches this binary as arcProxy….
func Arguments(line []string) []string {
	if len(line) == 0 {
		return nil
	}
	if strings.HasPrefix(strings.ToLower(filepath.Base(line[0])), "arcproxy") {
		return append([]string{arcProxyCommand}, line[1:]...)
	}
	return line[1:]
}

func newArcProxyCommand(streams Streams) *cobra.Command {
	var config string
	var debug bool
	command := &cobra.Command{
		Use: arcProxyCommand, Short: "Be the proxy that az connectedk8s proxy runs", Hidden: true,
		Long:    "Be the program that the az client fetches from a hub's registry and runs for az connectedk8s proxy. Nobody else needs it: see fairlead connectedk8s proxy.",
		Example: "  fairlead arc-proxy -c ~/.clientproxy/config.yml",
		Args:    asUsage(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			return runArcProxy(command.Context(), streams, config, debug)
		},
	}
	command.Flags().StringVarP(&config, "config", "c", "", "file that az has written")
	command.Flags().BoolVarP(&debug, "debug", "d", false, "log every request")
	mustFlag(command, "config")
	return command
}

func runArcProxy(ctx context.Context, streams Streams, path string, debug bool) error { //nolint:revive // a flag of the command line's own
	config, err := arcproxy.ReadConfig(path)
	if err != nil {
		return err
	}
	roots, err := azRoots(streams.env("REQUESTS_CA_BUNDLE"))
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	program := &arcproxy.Program{Config: config, Roots: roots, Now: time.Now, Log: slog.New(slog.NewTextHandler(streams.Err, &slog.HandlerOptions{Level: level}))}
	return program.Run(ctx)
}

// azRoots are the authorities that az trusts, by the variable that it reads; nil means those of the system.
func azRoots(bundle string) (*x509.CertPool, error) {
	if bundle == "" {
		return nil, nil //nolint:nilnil // nil is what crypto/tls takes for the system's
	}
	content, err := os.ReadFile(bundle) //nolint:gosec // the person names the file
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "REQUESTS_CA_BUNDLE cannot be read: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(content)
	return pool, nil
}
