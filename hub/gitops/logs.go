package gitops

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// The bounds of what a cluster may write about its configurations.
const (
	maxLines    = 500     // of a post
	maxLine     = 8 << 10 // as JSON
	maxLogText  = 3 << 10 // of a message or an error
	maxLogName  = 253     // of anything that has a name
	maxLogCount = 1 << 30 // of lines that were left out
)

// Logged keeps lines that a cluster's controllers have written about its configurations.
func (s *Service) Logged(ctx context.Context, cluster fairlead.ResourceID, lines []fairlead.FluxLog) error {
	if len(lines) > maxLines {
		return fairlead.Errorf(fairlead.TooLarge, "a post may hold %d lines", maxLines)
	}
	sorted, err := byConfiguration(lines)
	if err != nil {
		return err
	}
	for name, of := range sorted {
		known, err := s.Knows(ctx, cluster, name)
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		if err := s.Store.AddFluxLogs(ctx, cluster.Key(), name, of, LogsKey(Key(cluster.Key(), name))); err != nil {
			return err
		}
	}
	return nil
}

// LogsKey is what those subscribe to who wait for lines about a configuration.
func LogsKey(key string) string { return key + "/logs" }

func byConfiguration(lines []fairlead.FluxLog) (map[string][]store.FluxLog, error) {
	sorted := map[string][]store.FluxLog{}
	for _, line := range lines {
		line.Configuration = strings.ToLower(line.Configuration)
		if err := checkLine(line); err != nil {
			return nil, err
		}
		text, err := lineText(line)
		if err != nil {
			return nil, err
		}
		name := line.Configuration
		sorted[name] = append(sorted[name], store.FluxLog{At: line.Time, Origin: line.Pod, Line: text})
	}
	return sorted, nil
}

func checkLine(line fairlead.FluxLog) error {
	if year := line.Time.Year(); line.Configuration == "" || line.Pod == "" || year < 2000 || year > 2200 {
		return fairlead.Errorf(fairlead.Invalid, "a line needs a configuration, a pod and a time")
	}
	for _, name := range []string{line.Configuration, line.Controller, line.Pod, line.Kind, line.Namespace, line.Name, line.Level} {
		if len(name) > maxLogName || strings.ContainsFunc(name, unicode.IsControl) {
			return fairlead.Errorf(fairlead.Invalid, "a line has a name that is none: %.64q", name)
		}
	}
	return nil
}

// lineText is a line as it is kept. Texts are cut until it fits.
func lineText(line fairlead.FluxLog) (json.RawMessage, error) {
	line.Sequence, line.Skipped = 0, min(max(line.Skipped, 0), maxLogCount)
	for most := maxLogText; most > 0; most /= 2 {
		line.Message, line.Error = cut(line.Message, most), cut(line.Error, most)
		text, err := json.Marshal(line)
		if err != nil {
			return nil, fmt.Errorf("encode a line: %w", err)
		}
		if len(text) <= maxLine {
			return text, nil
		}
	}
	return nil, fairlead.Errorf(fairlead.Invalid, "a line is larger than %d bytes", maxLine)
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Logs returns the lines about a configuration of a cluster after a number, in the order in which they came.
func (s *Service) Logs(ctx context.Context, clusterKey, name string, since int64, limit int) ([]fairlead.FluxLog, error) {
	stored, err := s.Store.ListFluxLogs(ctx, clusterKey, name, since, limit)
	if err != nil {
		return nil, err
	}
	lines := make([]fairlead.FluxLog, len(stored))
	for i, one := range stored {
		if err := json.Unmarshal(one.Line, &lines[i]); err != nil {
			return nil, fmt.Errorf("read a line about %s: %w", name, err)
		}
		lines[i].Sequence = one.Sequence
	}
	return lines, nil
}
