package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

// registryFlags are credentials for the registry of a type's chart, and whether clusters get them.
type registryFlags struct {
	username, passwordFile string
	passwordStdin          bool
	lend                   *bool
}

func (f *registryFlags) offer(command *cobra.Command) {
	set := command.Flags()
	set.StringVar(&f.username, "username", "", "name under which the chart's registry is asked, by the hub for versions")
	set.BoolVar(&f.passwordStdin, "password-stdin", false, "read the password for it from standard input")
	set.StringVar(&f.passwordFile, "password-file", "", "file that holds the password for it")
	offerTristate(command, &f.lend, "credentials-for-clusters", "let clusters fetch the chart with them as well, while an extension of the type is wanted there (default: only the hub has them)")
	command.MarkFlagsMutuallyExclusive("password-stdin", "password-file")
}

func (f *registryFlags) into(ctx context.Context, s *session, properties client.Document) error {
	if f.lend != nil {
		properties["credentialsForClusters"] = *f.lend
	}
	hasPassword := f.passwordStdin || f.passwordFile != ""
	switch {
	case f.username == "" && !hasPassword:
		return nil
	case f.username == "":
		return usagef("--username is missing: a password is for a name")
	case !hasPassword:
		return usagef("the password is missing: give --password-stdin, or --password-file FILE")
	}
	password, err := f.password(ctx, s)
	if err == nil {
		properties["credentials"] = client.Document{"username": f.username, "password": password.Reveal()}
	}
	return err
}

func (f *registryFlags) password(ctx context.Context, s *session) (client.Secret, error) {
	if f.passwordFile == "" {
		line, err := s.line(ctx)
		if err == nil && line == "" {
			err = usagef("--password-stdin: standard input is empty")
		}
		return client.Secret(line), err
	}
	file, err := os.Open(f.passwordFile)
	if err != nil {
		return "", usagef("--password-file cannot be read: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return readSecret(file)
}
