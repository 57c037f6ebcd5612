package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"
)

// profilesAt is where the hub serves its profiles when they are wanted.
const profilesAt = "127.0.0.1:16060"

func (f *fleet) debugAddress() string {
	if f.options.profiles == "" {
		return ""
	}
	return profilesAt
}

// profile takes a profile of the hub's processor time for a while, and one of the agents' side meanwhile; then one of the hub's
// memory and one of its goroutines.
func (f *fleet) profile(ctx context.Context, name string, during time.Duration) <-chan error {
	done := make(chan error, 1)
	if f.options.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		own, err := f.profileSelf(name)
		if err != nil {
			done <- err
			return
		}
		defer own()
		for _, kind := range []string{fmt.Sprintf("profile?seconds=%d", int(during.Seconds())), "heap", "goroutine", "allocs"} {
			if err := fetchProfile(ctx, kind, filepath.Join(f.options.profiles, name+"-"+kind[:4]+".pprof")); err != nil {
				done <- err
				return
			}
			own() // the processor comes first
		}
		done <- nil
	}()
	return done
}

// profileSelf begins a profile of the processor time of the agents' side. The caller must call end, once or more often.
func (f *fleet) profileSelf(name string) (end func(), err error) {
	if err := os.MkdirAll(f.options.profiles, 0o700); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(f.options.profiles, name+"-agents.pprof"))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return sync.OnceFunc(func() {
		pprof.StopCPUProfile()
		_ = file.Close() // a profile that is cut off says so when it is read
	}), nil
}

func fetchProfile(ctx context.Context, kind, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+profilesAt+"/debug/pprof/"+kind, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request) //nolint:forbidigo // plain HTTP on loopback
	if err != nil {
		return fmt.Errorf("fetch profile %s: %w", kind, err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("fetch profile %s: %w", kind, err)
	}
	return os.WriteFile(file, content, 0o600)
}
