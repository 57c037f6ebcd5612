package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
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

// profile takes a profile of the hub's processor time for a while, then one of its memory and one of its goroutines.
func (f *fleet) profile(ctx context.Context, name string, during time.Duration) <-chan error {
	done := make(chan error, 1)
	if f.options.profiles == "" {
		done <- nil
		return done
	}
	go func() {
		for _, kind := range []string{fmt.Sprintf("profile?seconds=%d", int(during.Seconds())), "heap", "goroutine", "allocs"} {
			if err := fetchProfile(ctx, kind, filepath.Join(f.options.profiles, name+"-"+kind[:4]+".pprof")); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return done
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
