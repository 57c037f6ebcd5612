package charts

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

const (
	// The indexes of large repositories have tens of megabytes. Only the entries of one chart are kept.
	maxIndex   = 128 << 20
	maxEntries = 8 << 20
	maxLine    = 1 << 20
)

// release is a version of a chart in an index.
type release struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
}

// get fetches the archive of a chart in a classic repository.
func get(ctx context.Context, way *addressed, from fairlead.ExtensionChart, version string) ([]byte, error) {
	base, err := url.Parse(strings.TrimRight(from.Repository, "/") + "/")
	if err != nil || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fairlead.Errorf(fairlead.Invalid, "the repository is neither oci://HOST/PATH nor a URL")
	}
	caller := &http.Client{Transport: basic{way}}
	var place string
	err = download(ctx, caller, base.JoinPath("index.yaml"), func(body io.Reader) (err error) {
		place, err = find(body, from.Name, version)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the repository's index: %w", err)
	}
	archive, err := base.Parse(place)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the repository's index names a place that is no URL")
	}
	var packed []byte
	err = download(ctx, caller, archive, func(body io.Reader) (err error) {
		packed, err = readAll(body, maxArchive)
		return err
	})
	return packed, err
}

func download(ctx context.Context, caller *http.Client, from *url.URL, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "fairlead-agent/"+fairlead.Version)
	answer, err := caller.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return read(answer.Body)
	case http.StatusNotFound:
		return fairlead.Errorf(fairlead.NotFound, "%s is not there (404)", from.Redacted())
	case http.StatusUnauthorized, http.StatusForbidden:
		return fairlead.Errorf(fairlead.Forbidden, "%s is not open to the agents (%s)", from.Redacted(), answer.Status)
	}
	return fmt.Errorf("%s answers %s", from.Redacted(), answer.Status)
}

// find returns where the archive of a version is.
func find(index io.Reader, chart, version string) (string, error) {
	entries, err := entriesOf(io.LimitReader(index, maxIndex), chart)
	if err != nil {
		return "", err
	}
	for _, one := range entries {
		if one.Version == version && len(one.URLs) > 0 {
			return one.URLs[0], nil
		}
	}
	if len(entries) == 0 {
		return "", fairlead.Errorf(fairlead.NotFound, "it has no chart %q", chart)
	}
	return "", fairlead.Errorf(fairlead.NotFound, "it has no version %s of chart %q", version, chart)
}

// entriesOf reads the entries of one chart. Indexes are written by Helm, which puts every chart's name on a line of its own
// below entries; those that are not are read whole, when they are small enough.
func entriesOf(index io.Reader, chart string) ([]release, error) {
	var whole bytes.Buffer
	found, err := cut(io.TeeReader(index, &bounded{&whole, maxEntries}), chart)
	if err != nil {
		return nil, err
	}
	var entries []release
	if len(found) > 0 && yaml.Unmarshal(found, &entries) == nil && len(entries) > 0 {
		return entries, nil
	}
	var all struct {
		Entries map[string][]release `json:"entries"`
	}
	if err := yaml.Unmarshal(whole.Bytes(), &all); err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "it holds no chart %q, and is not read as a whole: it is no YAML, or larger than %d MiB", chart, maxEntries>>20)
	}
	return all.Entries[chart], nil
}

// cut returns the lines below the name of a chart.
func cut(index io.Reader, chart string) ([]byte, error) {
	lines := bufio.NewScanner(index)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	var found bytes.Buffer
	below, ours := false, false
	for lines.Scan() {
		line := lines.Text()
		trimmed := strings.TrimSpace(line)
		switch indent := len(line) - len(strings.TrimLeft(line, " ")); {
		case trimmed == "":
		case indent == 0 && !strings.HasPrefix(line, "- "):
			below, ours = trimmed == "entries:", false
		case below && indent == 2 && !strings.HasPrefix(trimmed, "- ") && strings.HasSuffix(trimmed, ":"):
			ours = strings.Trim(strings.TrimSuffix(trimmed, ":"), `"'`) == chart
		case below && ours && found.Len()+len(line) < maxEntries:
			found.WriteString(line + "\n")
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	return found.Bytes(), nil
}

// bounded takes up to a number of bytes and passes over the rest.
type bounded struct {
	to   *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (b *bounded) Write(text []byte) (int, error) {
	n := min(len(text), b.left)
	b.left -= n
	b.to.Write(text[:n])
	return len(text), nil
}
