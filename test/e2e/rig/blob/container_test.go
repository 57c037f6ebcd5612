package blob

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T) *Container {
	t.Helper()
	c, err := Serve(t.Context(), "127.0.0.1:0", "quay", "blob.example.test", "shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	c.Put(map[string]string{"app/note": "first", "app/other": "also"})
	return c
}

// ask asks as somebody who knows the container by its name, and returns the status, the code of an error and what is answered.
func (c *Container) ask(t *testing.T, path string, header http.Header) (status int, code, text string) {
	t.Helper()
	at, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	known := x509.NewCertPool()
	known.AppendCertsFromPEM(c.Authority)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: known, ServerName: at.Hostname()}}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+net.JoinHostPort("127.0.0.1", at.Port())+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("X-Ms-Error-Code"), string(body)
}

const (
	listPath = "/shop?comp=list&restype=container"
	note     = "/shop/app/note"
)

func TestAContainerIsNotForStrangers(t *testing.T) {
	c := serve(t)
	now := time.Now().UTC().Format(http.TimeFormat)
	for reason, one := range map[string]struct {
		header http.Header
		status int
		code   string
	}{
		"who signs nothing":            {nil, http.StatusConflict, "PublicAccessNotPermitted"},
		"who has another key":          {http.Header{"X-Ms-Date": {now}, "Authorization": {"SharedKey quay:Z3Vlc3NlZA=="}}, http.StatusForbidden, "AuthenticationFailed"},
		"who signed a long time ago":   {c.signedAt(t, time.Now().Add(-time.Hour), ""), http.StatusForbidden, "AuthenticationFailed"},
		"who signed for another query": {c.signedAt(t, time.Now(), "/shop?comp=list&maxresults=1&restype=container"), http.StatusForbidden, "AuthenticationFailed"},
		"who has the key":              {c.signedAt(t, time.Now(), ""), http.StatusOK, ""},
	} {
		if status, code, text := c.ask(t, listPath, one.header); status != one.status || code != one.code {
			t.Errorf("%s: %d %s, want %d %s:\n%s", reason, status, code, one.status, one.code, text)
		}
	}
}

// signedAt are the headers of a request for a list that was signed at a moment, or of a request for another path.
func (c *Container) signedAt(t *testing.T, moment time.Time, path string) http.Header {
	t.Helper()
	if path == "" {
		path = listPath
	}
	date := moment.UTC().Format(http.TimeFormat)
	place, query, _ := strings.Cut(path, "?")
	lines := "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" + date + "\nx-ms-version:2024-11-04\n/quay" + place
	for pair := range strings.SplitSeq(query, "&") {
		lines += "\n" + strings.Replace(pair, "=", ":", 1)
	}
	return http.Header{"X-Ms-Date": {date}, "X-Ms-Version": {"2024-11-04"}, "Authorization": {"SharedKey quay:" + c.signature(lines)}}
}

func TestATokenPermitsWhatItSays(t *testing.T) {
	c := serve(t)
	good := c.Token(time.Now().Add(time.Hour))
	for reason, one := range map[string]struct {
		path, token string
		status      int
		code        string
	}{
		"a list":                      {listPath, good, http.StatusOK, ""},
		"a blob":                      {note, good, http.StatusOK, ""},
		"a blob that is not there":    {"/shop/app/lost", good, http.StatusNotFound, "BlobNotFound"},
		"another container":           {"/lost/app/note", good, http.StatusForbidden, "AuthenticationFailed"},
		"a token that is over":        {note, c.Token(time.Now().Add(-time.Minute)), http.StatusForbidden, "AuthenticationFailed"},
		"a token that was changed":    {note, strings.Replace(good, "sp=rl", "sp=rlw", 1), http.StatusForbidden, "AuthenticationFailed"},
		"a token for lists, a blob":   {note, c.token(time.Now().Add(time.Hour), list), http.StatusForbidden, "AuthorizationPermissionMismatch"},
		"a token for blobs, and list": {listPath, c.token(time.Now().Add(time.Hour), read), http.StatusForbidden, "AuthorizationPermissionMismatch"},
	} {
		mark := "?"
		if strings.Contains(one.path, "?") {
			mark = "&"
		}
		if status, code, text := c.ask(t, one.path+mark+one.token, nil); status != one.status || code != one.code {
			t.Errorf("%s: %d %s, want %d %s:\n%s", reason, status, code, one.status, one.code, text)
		}
	}
}

func TestAListComesInPages(t *testing.T) {
	c := serve(t)
	token := "&" + c.Token(time.Now().Add(time.Hour))
	var names []string
	for marker := ""; ; {
		_, _, text := c.ask(t, listPath+"&maxresults=1&marker="+url.QueryEscape(marker)+token, nil)
		var page struct {
			Blobs      []struct{ Name string } `xml:"Blobs>Blob"`
			NextMarker string
		}
		if err := xml.Unmarshal([]byte(text), &page); err != nil || len(page.Blobs) != 1 {
			t.Fatalf("%v, a page is\n%s", err, text)
		}
		names = append(names, page.Blobs[0].Name)
		if marker = page.NextMarker; marker == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "app/note app/other" {
		t.Errorf("the pages have %s", got)
	}
}
