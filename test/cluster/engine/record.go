package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// record is what must be known to stop a cluster, even one whose start was cut short.
type record struct {
	Name        string  `json:"name"`
	Kind        Kind    `json:"kind"`
	Starter     process `json:"starter"`
	Supervisor  process `json:"supervisor"`
	Link        string  `json:"link,omitempty"`
	HostAddress string  `json:"hostAddress"`
	NodeAddress string  `json:"nodeAddress"`
	Server      string  `json:"server"`
	Ready       bool    `json:"ready"`
}

// ErrNotFound is returned for a cluster of which there is no trace.
var ErrNotFound = errors.New("no such cluster")

// ErrExists is returned when the name is taken by a cluster that runs or is being started.
var ErrExists = errors.New("the name is taken by a cluster that runs or is being started")

func clustersDir(dir string) string { return filepath.Join(dir, "clusters") }

func stateDir(dir, name string) string { return filepath.Join(clustersDir(dir), name) }

func readRecord(state string) (record, error) {
	var r record
	content, err := fs.ReadFile(os.DirFS(state), "cluster.json")
	if errors.Is(err, fs.ErrNotExist) {
		return r, ErrNotFound
	}
	if err != nil {
		return r, fmt.Errorf("read cluster state: %w", err)
	}
	if err := json.Unmarshal(content, &r); err != nil {
		return r, fmt.Errorf("parse cluster state: %w", err)
	}
	return r, nil
}

func (r record) write(state string) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode cluster state: %w", err)
	}
	draft := filepath.Join(state, "cluster.json.new")
	if err := os.WriteFile(draft, content, 0o600); err != nil {
		return fmt.Errorf("write cluster state: %w", err)
	}
	return os.Rename(draft, filepath.Join(state, "cluster.json"))
}

// claim takes a name: the state folder appears with its record inside, or not at all.
func claim(dir string, r record) (string, error) {
	state := stateDir(dir, r.Name)
	if err := os.MkdirAll(clustersDir(dir), 0o750); err != nil {
		return "", fmt.Errorf("make state folder: %w", err)
	}
	draft, err := os.MkdirTemp(clustersDir(dir), ".new-")
	if err != nil {
		return "", fmt.Errorf("make state folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(draft) }() // does nothing once renamed
	if err := r.write(draft); err != nil {
		return "", err
	}
	if err := os.Rename(draft, state); err != nil {
		return "", fmt.Errorf("cluster %q: %w", r.Name, ErrExists)
	}
	return state, nil
}

// alive says that the cluster runs, or that somebody is just starting it. A start whose starter died is dead, whatever it left running.
func (r record) alive() bool {
	if r.Ready {
		return r.Supervisor.alive()
	}
	return r.Starter.alive()
}
