package bundle

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// file is one file of a bundle.
type file struct {
	name    string
	content []byte
}

// Write writes a bundle. Same contents give the same bytes.
func Write(out io.Writer, contents Contents) error {
	files, err := contents.files()
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(out)
	archive := tar.NewWriter(packed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), ModTime: contents.Snapshot.Taken.Truncate(time.Second), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("write %s of the bundle: %w", f.name, err)
		}
		if _, err := archive.Write(f.content); err != nil {
			return fmt.Errorf("write %s of the bundle: %w", f.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("finish the bundle: %w", err)
	}
	if err := packed.Close(); err != nil {
		return fmt.Errorf("finish the bundle: %w", err)
	}
	return nil
}

// files puts the manifest first, so that a reader knows at once what it has.
func (c Contents) files() ([]file, error) {
	encoded, err := json.Marshal(c.Snapshot)
	if err != nil {
		return nil, fmt.Errorf("encode the snapshot: %w", err)
	}
	files := []file{{snapshotName, encoded}, {eventsName, events(c.Snapshot)}}
	if c.Report != "" {
		files = append(files, file{reportName, []byte(c.Report)})
	}
	if len(c.Hub) > 0 {
		files = append(files, file{hubName, c.Hub})
	}
	files = append(files, logs(c.Snapshot)...)
	manifest, err := c.manifest(files)
	if err != nil {
		return nil, err
	}
	return append([]file{{manifestName, manifest}}, files...), nil
}

func (c Contents) manifest(files []file) ([]byte, error) {
	m := Manifest{
		Format: Format, Version: c.Version, Taken: c.Snapshot.Taken, Context: c.Snapshot.Client.Context, Server: c.Snapshot.Server.Version,
		Failed: append(failures(c.Snapshot), c.Failed...), Removed: c.Removed,
	}
	slices.SortFunc(m.Failed, func(a, b Failure) int { return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Detail, b.Detail)) })
	for _, f := range files {
		m.Files = append(m.Files, f.name)
	}
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return content, nil
}

// events writes the warnings as kubectl would, oldest first.
func events(s *snapshot.Snapshot) []byte {
	all := slices.Clone(s.Events)
	slices.SortStableFunc(all, func(a, b corev1.Event) int { return workload.Moment(&a).Compare(workload.Moment(&b)) })
	var text strings.Builder
	for i := range all {
		about := all[i].InvolvedObject
		fmt.Fprintf(&text, "%s %s %s %s/%s/%s: %s\n", workload.Moment(&all[i]).UTC().Format(time.RFC3339), all[i].Type, all[i].Reason, about.Kind, about.Namespace, about.Name, oneLine(all[i].Message))
	}
	return []byte(text.String())
}

func oneLine(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", `\n`) }

func logs(s *snapshot.Snapshot) []file {
	var files []file
	for _, log := range s.Logs {
		name := logFolder + log.Namespace + "/" + log.Pod + "/" + log.Container
		if log.Previous {
			name += ".previous"
		}
		content := log.Text
		if log.Error != "" {
			content = "could not be read (" + log.Reason + "): " + log.Error + "\n"
		}
		files = append(files, file{name + ".log", []byte(content)})
	}
	return files
}
