package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxIndex bounds the index of a classic repository, in bytes.
const maxIndex = 32 << 20

// index lists the versions of a chart in a classic repository.
func (c *Catalogue) index(ctx context.Context, t Type, place *url.URL, given Credentials) (known, error) {
	content, err := c.fetch(ctx, t, place.JoinPath("index.yaml"), given)
	if err != nil {
		return nil, err
	}
	return parseIndex(content, t.ChartName)
}

func (c *Catalogue) fetch(ctx context.Context, t Type, place *url.URL, given Credentials) ([]byte, error) {
	transport, err := c.transport(t)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place.String(), nil)
	if err != nil {
		return nil, err
	}
	if given.Username != "" || given.Password != "" {
		request.SetBasicAuth(given.Username, given.Password)
	}
	client := &http.Client{Transport: transport, CheckRedirect: redirect}
	response, err := client.Do(request)
	if err != nil {
		return nil, shortened(err)
	}
	defer func() { _ = response.Body.Close() }() // was only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", place.Redacted(), response.Status)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxIndex+1))
	if err == nil && len(content) > maxIndex {
		err = fmt.Errorf("%s is larger than %d bytes", place.Redacted(), maxIndex)
	}
	return content, err
}

// parseIndex reads what is needed of an index.
func parseIndex(content []byte, chart string) (known, error) {
	var read struct {
		Entries map[string][]struct {
			Version string `json:"version"`
			Digest  string `json:"digest"`
		} `json:"entries"`
	}
	if err := yaml.Unmarshal(content, &read); err != nil {
		return nil, errors.New("index.yaml is not that of a chart repository")
	}
	entries, ok := read.Entries[chart]
	if !ok {
		names := make([]string, 0, len(read.Entries))
		for name := range read.Entries {
			names = append(names, name)
		}
		return nil, fmt.Errorf("the repository has no chart %q; it has %.1000s", chart, list(sorted(names)))
	}
	found := known{}
	for _, one := range entries {
		found.add(one.Version, digestText(one.Digest))
	}
	return found, nil
}

// digestText is a digest with its algorithm, empty when it is none.
func digestText(text string) string {
	text = strings.TrimPrefix(strings.ToLower(text), "sha256:")
	if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return ""
	}
	return "sha256:" + text
}
