package hub_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub"
)

// childFolder tells the test binary to be a hub on that folder instead.
const childFolder = "FAIRLEAD_TEST_HUB_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		beHub(folder)
		return
	}
	m.Run()
}

// beHub runs a hub that writes its welcome to the standard output, until it is killed.
func beHub(folder string) {
	config, _ := testConfig(folder)
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	config.Welcome = func(w hub.Welcome) error { return json.NewEncoder(os.Stdout).Encode(w) }
	opened, err := hub.New(context.Background(), config)
	if err == nil {
		err = opened.Run(context.Background())
	}
	config.Log.Error("ended", slog.Any("err", err))
}

// killed runs a hub in a process of its own, kills it after a while, and returns the administrator
// that it had shown by then, if any.
func killed(t *testing.T, folder string, after time.Duration) *hub.Administrator {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+folder)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = child.Process.Kill() })
	defer timer.Stop()
	var shown *hub.Administrator
	for lines := bufio.NewReader(output); ; {
		line, err := lines.ReadBytes('\n')
		var welcome hub.Welcome
		if json.Unmarshal(line, &welcome) == nil && welcome.Administrator != nil {
			shown = welcome.Administrator
		}
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the hub ended before it was killed")
	}
	return shown
}

// However often the first start is killed, and wherever, the next one completes it, and whoever
// heard of an administrator last can sign in.
func TestFirstStartSurvivesKills(t *testing.T) {
	for round := range 2 {
		folder := t.TempDir()
		var administrator *hub.Administrator
		for kill := range 6 {
			after := time.Duration(20+12*kill+6*round) * time.Millisecond
			if shown := killed(t, folder, after); shown != nil {
				administrator = shown
			}
		}
		final := start(t, folder)
		if final.Administrator != nil {
			administrator = final.Administrator
		}
		if administrator == nil {
			t.Fatal("the first start is over and nobody was told of an administrator")
		}
		bearer := final.signIn(t, administrator.AppID, string(administrator.Secret))
		status, list := final.do(t, http.MethodGet, "/subscriptions?api-version=2022-12-01", bearer, "")
		if found, _ := list["value"].([]any); status != http.StatusOK || len(found) != 1 {
			t.Errorf("subscriptions: %d %v", status, list)
		}
		_ = final.stop()
	}
}

// A start that is given up, at any moment, leaves nothing that the next one trips over.
func TestFirstStartSurvivesInterruptions(t *testing.T) {
	folder, failed := t.TempDir(), 0
	config, _ := testConfig(folder)
	for after := time.Millisecond; after < 40*time.Millisecond; after += time.Millisecond {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		opened, err := hub.New(ctx, config)
		cancel()
		if err != nil {
			failed++
			continue
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
	if failed == 0 {
		t.Error("no start was interrupted, so this test shows nothing")
	}
	final := start(t, folder)
	if final.Administrator == nil {
		t.Fatal("nobody is told of an administrator")
	}
	final.signIn(t, final.Administrator.AppID, string(final.Administrator.Secret))
}
