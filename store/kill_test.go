package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/store"
)

// These make the test binary a process that only writes, and says what it was told is written.
const (
	writerDSN   = "FAIRLEAD_TEST_WRITER_DSN"
	writerRound = "FAIRLEAD_TEST_WRITER_ROUND"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(writerDSN); dsn != "" {
		fmt.Fprintln(os.Stderr, writeForever(dsn, os.Getenv(writerRound), os.Stdout)) // only an error ends it
		os.Exit(1)                                                                    //nolint:forbidigo // a process of its own
	}
	os.Exit(m.Run()) //nolint:forbidigo // as TestMain must
}

// writeForever writes from several goroutines, and a line for each write that was acknowledged.
func writeForever(dsn, round string, acknowledged io.Writer) error {
	db, err := store.Open(context.Background(), dsn)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for writer := range 4 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("/%s/%d/%d", round, writer, i)
				if err := writeOne(db, key, writer); err != nil {
					failed <- err
					return
				}
				fmt.Fprintln(acknowledged, writer, key) // one line is one write(2)
			}
		}()
	}
	return <-failed
}

// writeOne writes in the way of that writer.
func writeOne(db *store.DB, key string, writer int) error {
	ctx := context.Background()
	r := store.Resource{Key: key, Body: []byte(`{"key":"` + key + `"}`)}
	switch writer {
	case 0:
		return db.CreateOperation(ctx, store.Operation{ID: key})
	case 1:
		return db.SavePresence(ctx, []store.Presence{{ClusterKey: key, LastSeen: time.Now()}})
	case 2:
		_, err := db.PutResourceWithOperation(ctx, r, store.MustBeAbsent, store.Operation{ID: key})
		return err
	default:
		_, err := db.PutResource(ctx, r, store.AnyState)
		return err
	}
}

// A write that was acknowledged must outlive the process, whenever that is killed.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	var acknowledged []string
	for round := range 6 {
		acknowledged = append(acknowledged, killedWriter(t, dsn, round)...)
	}
	if len(acknowledged) < 60 {
		t.Fatalf("only %d writes were acknowledged", len(acknowledged))
	}
	checkIntegrity(t, strings.TrimPrefix(dsn, "sqlite:"))
	db := open(t, dsn)
	present := map[string]bool{}
	presence, err := db.LoadPresence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range presence {
		present[p.ClusterKey] = true
	}
	for _, line := range acknowledged {
		writer, key, _ := strings.Cut(line, " ")
		if !survived(t.Context(), db, present, writer, key) {
			t.Errorf("writer %s: %s was acknowledged and is lost", writer, key)
		}
	}
	t.Logf("%d acknowledged writes are all there", len(acknowledged))
}

func survived(ctx context.Context, db *store.DB, presence map[string]bool, writer, key string) bool {
	_, operation := db.GetOperation(ctx, key)
	r, resource := db.GetResource(ctx, key)
	whole := resource == nil && string(r.Body) == `{"key":"`+key+`"}`
	return map[string]bool{"0": operation == nil, "1": presence[key], "2": operation == nil && whole, "3": whole}[writer]
}

// killedWriter lets a process write until a random moment and returns what it acknowledged.
func killedWriter(t *testing.T, dsn string, round int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerDSN+"="+dsn, fmt.Sprintf("%s=%d", writerRound, round))
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var killed sync.Once
	kill := func() { killed.Do(func() { _ = cmd.Process.Kill() }) }
	defer kill()
	var lines []string
	for scanner := bufio.NewScanner(output); scanner.Scan(); {
		lines = append(lines, scanner.Text())
		if len(lines) == 10 { // the process is at full speed
			timer := time.AfterFunc(time.Duration(rand.Int64N(int64(150*time.Millisecond))), kill)
			defer timer.Stop()
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the writer was not killed: %v", err)
	}
	return lines
}

func checkIntegrity(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var verdict string
	if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("%s, %v", verdict, err)
	}
}
