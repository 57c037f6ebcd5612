package authority

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// FileCertificate is a TLS certificate that an administrator keeps in two PEM files. When the files
// change, the next connection gets the new certificate; while they are unreadable, for example
// half written, the last good one stays in use.
type FileCertificate struct {
	CertFile, KeyFile string
	Log               *slog.Logger

	mutex   sync.Mutex
	current *tls.Certificate
	read    [2]time.Time
}

// Load reads the files, or says what is wrong with them.
func (f *FileCertificate) Load() (*tls.Certificate, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	err := f.load(f.modified())
	return f.current, err
}

// Current returns what the files hold now, or the last that was usable.
func (f *FileCertificate) Current() *tls.Certificate {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if modified := f.modified(); modified != f.read {
		f.reload(context.Background(), modified)
	}
	return f.current
}

// GetCertificate is for tls.Config.
func (f *FileCertificate) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if modified := f.modified(); modified != f.read {
		f.reload(hello.Context(), modified)
	}
	if f.current == nil {
		return nil, fmt.Errorf("no certificate could be read from %s", f.CertFile)
	}
	return f.current, nil
}

// reload remembers the files' times even when they are unusable, lest every connection
// logs the same.
func (f *FileCertificate) reload(ctx context.Context, modified [2]time.Time) {
	if err := f.load(modified); err != nil {
		f.read = modified
		f.Log.ErrorContext(ctx, "the new TLS certificate is not usable, the old one stays in use", slog.Any("err", err))
		return
	}
	f.Log.InfoContext(ctx, "the TLS certificate was read again", slog.Time("not_after", f.current.Leaf.NotAfter))
}

func (f *FileCertificate) load(modified [2]time.Time) error {
	pair, err := tls.LoadX509KeyPair(f.CertFile, f.KeyFile)
	if err != nil {
		return fmt.Errorf("read TLS certificate %s with key %s: %w", f.CertFile, f.KeyFile, err)
	}
	f.current, f.read = &pair, modified
	return nil
}

func (f *FileCertificate) modified() [2]time.Time {
	var times [2]time.Time
	for i, name := range []string{f.CertFile, f.KeyFile} {
		if info, err := os.Stat(name); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}
