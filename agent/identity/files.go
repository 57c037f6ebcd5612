package identity

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/agent/pace"
)

// filesEvery is how often files are looked at: the kubelet takes a minute to bring a change, so nothing is gained by less.
const filesEvery = 10 * time.Second

// Files follows an identity that the kubelet lays down as files, for an agent that may ask nothing of the API server.
type Files struct {
	Folder      string // with tls.crt and tls.key
	Authorities string // the file with whom to trust as the hub; what the settings say holds while it is not there
	Settings    []byte // PEM of whom the settings trust
	Holder      *Holder
	Log         *slog.Logger
}

// Run follows the files until the end of ctx.
func (f *Files) Run(ctx context.Context) error {
	told := ""
	for {
		found, err := f.read()
		if err != nil && err.Error() != told {
			told = err.Error()
			f.Log.WarnContext(ctx, "the identity certificate is unusable", slog.String("error", told))
		}
		f.Holder.Set(found, err)
		if err := pace.Wait(ctx, filesEvery, nil); err != nil {
			return err
		}
	}
}

func (f *Files) read() (*Identity, error) {
	secret := &corev1.Secret{Data: map[string][]byte{}}
	for _, name := range []string{fieldChain, fieldKey} {
		content, err := os.ReadFile(filepath.Join(f.Folder, name)) //nolint:gosec // both names are ours
		if err != nil {
			return nil, fmt.Errorf("read the identity certificate: %w", err)
		}
		secret.Data[name] = content
	}
	found, err := Parse(secret)
	if err != nil {
		return nil, err
	}
	if text, err := os.ReadFile(f.Authorities); err == nil {
		if _, err := authorities(text); err == nil {
			found.Trust = Trust{Certificates: text, InsteadOf: BaseOf(f.Settings)}
		}
	}
	return found, nil
}
