package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/hub"
	"github.com/fairlead/fairlead/hub/backup"
)

// dataFolder gives a command that works on a hub's data folder the flags of the hub that find it.
func dataFolder(command *cobra.Command) func() (string, error) {
	var file string
	command.Flags().String("data", "", "the hub's data folder (default: that of the configuration, else $XDG_DATA_HOME/fairlead/hub)")
	command.Flags().StringVar(&file, "config", "", "YAML file with the hub's settings")
	return func() (string, error) {
		if file == "" {
			file = os.Getenv("FAIRLEAD_HUB_CONFIG")
		}
		config, err := hub.Load(file, os.LookupEnv, command.Flags())
		if err != nil {
			return "", &usageError{err}
		}
		return config.Data, nil
	}
}

type backupFlags struct {
	file, passphraseFile string
	recipients           []string
	force, withoutKey    bool
}

func newHubBackupCommand(streams Streams) *cobra.Command {
	var flags backupFlags
	command := &cobra.Command{
		Use: "backup", Short: "Put all that a hub is into one file",
		Long: `Put all that a hub is into one file: database, keys, authorities, tenancy. The hub may run meanwhile: the file holds
its state of one moment. It is made on the machine that has the data folder, by a user who may read it.

The file holds the master key, with which everything else in it can be read: whoever has the file is the hub. So encrypt it,
for a public key of age (https://age-encryption.org) or with a passphrase; or leave the key out with --without-key and
keep a copy of master.key elsewhere. The files of --tls-cert and --tls-key are not in the backup.`,
		Example: `  fairlead hub backup --file hub.backup --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
  fairlead hub backup --data /var/lib/fairlead --file /backup/hub --passphrase-file /etc/fairlead/passphrase --force
  fairlead hub backup --file hub.state --without-key`,
		Args: cobra.NoArgs,
	}
	data := dataFolder(command)
	command.Flags().StringVarP(&flags.file, "file", "f", "", "file to make (required)")
	command.Flags().StringVar(&flags.file, "output", "", "the former name of --file")
	_ = command.Flags().MarkHidden("output") // it is defined above
	command.Flags().StringArrayVar(&flags.recipients, "recipient", nil, "encrypt for this public key of age (may be repeated)")
	command.Flags().StringVar(&flags.passphraseFile, "passphrase-file", "", "encrypt with the passphrase in the first line of this file")
	command.Flags().BoolVar(&flags.withoutKey, "without-key", false, "leave the master key out")
	command.Flags().BoolVar(&flags.force, "force", false, "replace a file that is there already")
	command.MarkFlagsMutuallyExclusive("recipient", "passphrase-file")
	command.MarkFlagsMutuallyExclusive("file", "output")
	command.RunE = func(command *cobra.Command, _ []string) error {
		if flags.file == "" {
			return usagef("missing: --file")
		}
		folder, err := data()
		if err != nil {
			return err
		}
		wanted, err := flags.backup(folder)
		if err != nil {
			return err
		}
		made, err := hub.Backup(command.Context(), wanted)
		if err != nil {
			return err
		}
		return flags.tell(streams, wanted, made)
	}
	return command
}

func (f backupFlags) backup(folder string) (backup.Backup, error) {
	wanted := backup.Backup{Data: folder, Output: f.file}
	if f.force {
		wanted.Existing = backup.Replace
	}
	if f.withoutKey {
		wanted.Key = backup.WithoutKey
	}
	var problems []error
	for _, text := range f.recipients {
		recipient, err := backup.ParseRecipient(text)
		problems, wanted.Recipients = append(problems, err), append(wanted.Recipients, recipient)
	}
	if f.passphraseFile != "" {
		recipient, err := backup.PassphraseRecipient(f.passphraseFile)
		problems, wanted.Recipients = append(problems, err), append(wanted.Recipients, recipient)
	}
	return wanted, asUsageError(errors.Join(problems...))
}

func (f backupFlags) tell(streams Streams, wanted backup.Backup, made backup.Manifest) error {
	switch {
	case len(wanted.Recipients) == 0 && made.HasKey():
		fmt.Fprintln(streams.Err, "Warning: the backup is not encrypted and holds the master key: whoever reads it can be this hub. Encrypt it with --recipient or --passphrase-file.")
	case !made.HasKey():
		fmt.Fprintf(streams.Err, "Note: the backup is worth nothing without %s: keep a copy of that elsewhere.\n", filepath.Join(wanted.Data, backup.MasterKey))
	}
	_, err := fmt.Fprintf(streams.Out, "%s holds the hub of %s\nNext, to try it on a machine of its own:\n  fairlead hub restore --data FOLDER %s%s\n",
		wanted.Output, made.CreatedAt.Format(time.RFC3339), quoted(wanted.Output), f.hint())
	return err
}

// hint is what a restore needs besides.
func (f backupFlags) hint() string {
	switch {
	case f.passphraseFile != "":
		return " --passphrase-file " + quoted(f.passphraseFile)
	case len(f.recipients) > 0:
		return " --identity KEYFILE"
	case f.withoutKey:
		return " --master-key KEYFILE"
	}
	return ""
}

type restoreFlags struct {
	identity, passphraseFile, keyFile string
	force                             bool
}

func newHubRestoreCommand(streams Streams) *cobra.Command {
	var flags restoreFlags
	command := &cobra.Command{
		Use: "restore FILE", Short: "Make a hub of a backup",
		Long: `Make a data folder of a file of fairlead hub backup. The file is verified before anything is replaced, and all of it is
replaced or nothing. No hub may run on the folder. With --force, what was there is kept in a folder before-restore-… in it.

Clusters that were connected after the backup was made are not known to the restored hub, which says so to their agents; connect
them again. Clusters that were deleted since are there again, Offline; delete them again. Secrets and roles that were taken away
since are back, too: take them away again before the hub is reachable.`,
		Example: `  fairlead hub restore hub.backup --identity key.txt
  fairlead hub restore /backup/hub --data /var/lib/fairlead --passphrase-file /etc/fairlead/passphrase --force
  fairlead hub restore hub.state --master-key master.key`,
		Args: cobra.ExactArgs(1),
	}
	data := dataFolder(command)
	command.Flags().StringVar(&flags.identity, "identity", "", "file with the private key of age that opens the backup")
	command.Flags().StringVar(&flags.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase that opens the backup")
	command.Flags().StringVar(&flags.keyFile, "master-key", "", "the master key, for a backup made with --without-key")
	command.Flags().BoolVar(&flags.force, "force", false, "replace the hub in the data folder")
	command.RunE = func(command *cobra.Command, args []string) error {
		folder, err := data()
		if err != nil {
			return err
		}
		wanted, err := flags.restore(folder, args[0])
		if err != nil {
			return err
		}
		restored, err := hub.Restore(command.Context(), wanted)
		if err != nil {
			return err
		}
		return tellRestored(streams, folder, restored)
	}
	return command
}

func (f restoreFlags) restore(folder, file string) (backup.Restore, error) {
	wanted := backup.Restore{Data: folder, File: file, KeyFile: f.keyFile}
	if f.force {
		wanted.Existing = backup.Replace
	}
	var problems []error
	if f.identity != "" {
		found, err := backup.Identities(f.identity)
		problems, wanted.Identities = append(problems, err), found
	}
	if f.passphraseFile != "" {
		found, err := backup.PassphraseIdentity(f.passphraseFile)
		problems, wanted.Identities = append(problems, err), append(wanted.Identities, found)
	}
	if _, err := os.Stat(file); err != nil {
		problems = append(problems, fmt.Errorf("the backup cannot be read: %w", err))
	}
	return wanted, asUsageError(errors.Join(problems...))
}

func tellRestored(streams Streams, folder string, restored backup.Restored) error {
	if restored.Former != "" {
		fmt.Fprintf(streams.Err, "What was there before is in %s. It holds secrets: remove it once nothing in it is needed any more.\n", restored.Former)
	}
	_, err := fmt.Fprintf(streams.Out, "%s is the hub of %s (version %s)\nNext:\n  fairlead hub --data %s    (with the settings that it had)\n  fairlead connectedk8s list -o table    (Offline ones may have been deleted since; unknown ones are named in the hub's log)\n",
		folder, restored.CreatedAt.Format(time.RFC3339), restored.Version, quoted(folder))
	return err
}
