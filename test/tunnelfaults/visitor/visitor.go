// Package visitor asks an API server what people ask, through a hub or without one, and checks every answer: that it is
// whole, that it is the one that was asked for, and that it was given to whoever asked. It knows package apiserver alone.
package visitor

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/apiserver"
)

// connections is how many a visitor keeps open while idle.
const connections = 4096

// ErrStatus is any answer but the one that was wished for.
var ErrStatus = errors.New("an answer that says no")

// ErrWrong is an answer that looks good and is not: another's, or one with a hole. Nothing excuses it.
var ErrWrong = errors.New("a wrong answer")

// Visitor is one caller.
type Visitor struct {
	Base  string // the URL of the API server, without a slash at the end
	HTTP  *http.Client
	Token func(context.Context) (string, error) // nil for none
	User  string                                // as whom the API server must see the caller, "" for anybody
}

// Client returns an HTTP client of visitors, over HTTP/1.1 as upgrades want it.
func Client(config *tls.Config) *http.Client {
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: config, MaxIdleConns: connections, MaxIdleConnsPerHost: connections, DisableCompression: true,
		ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10, TLSHandshakeTimeout: time.Minute,
	}}
}

// Multiplexed returns one that speaks HTTP/2, with many requests on a connection, as client-go does. It cannot upgrade.
func Multiplexed(config *tls.Config) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true, DisableCompression: true, TLSHandshakeTimeout: time.Minute,
	}}
}

func (v *Visitor) do(ctx context.Context, method, path string, body io.Reader, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, v.Base+path, body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	if v.Token != nil {
		token, err := v.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("get a token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return v.HTTP.Do(request)
}

func (v *Visitor) get(ctx context.Context, path string) (*http.Response, error) {
	answer, err := v.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	return answer, want(answer, http.StatusOK)
}

// want closes an answer of another status and says what it is.
func want(answer *http.Response, status int) error {
	if answer.StatusCode == status {
		return nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300)) // half of it may say enough
	return fmt.Errorf("%w: %s: %s", ErrStatus, answer.Status, strings.TrimSpace(string(text)))
}

// Small gets the small document of a name.
func (v *Visitor) Small(ctx context.Context, name string) error { return v.Slow(ctx, name, 0) }

// Slow gets it from an API server that takes its time.
func (v *Visitor) Slow(ctx context.Context, name string, wait time.Duration) error {
	path := apiserver.SmallPath(name)
	if wait > 0 {
		path += "?wait=" + wait.String()
	}
	answer, err := v.get(ctx, path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var document apiserver.Small
	if err := json.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("%w: %s is not the document: %w", ErrWrong, name, err)
	}
	if document.Name != name || v.User != "" && document.User != v.User {
		return fmt.Errorf("%w: %s asked for %s, and got %s for %s", ErrWrong, v.User, name, document.Name, document.User)
	}
	return nil
}

func listPath(size int64) string { return apiserver.ListPath + "?bytes=" + strconv.FormatInt(size, 10) }

// List gets a list of a size.
func (v *Visitor) List(ctx context.Context, size int64) error { return v.ListInto(ctx, size, nil) }

// ListInto does so, and counts as it goes.
func (v *Visitor) ListInto(ctx context.Context, size int64, count *atomic.Int64) error {
	answer, err := v.get(ctx, listPath(size))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	check := &apiserver.Checker{}
	buffer := make([]byte, 64<<10)
	for {
		n, err := answer.Body.Read(buffer)
		if count != nil {
			count.Add(int64(n))
		}
		if _, err := check.Write(buffer[:n]); err != nil {
			return fmt.Errorf("%w: %w", ErrWrong, err)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", check.Bytes, size, err)
		}
	}
	if check.Bytes != size {
		return fmt.Errorf("%w: a list of %d bytes ended after %d as if it were whole", ErrWrong, size, check.Bytes)
	}
	return nil
}

// Stall begins a list and reads none of it. To the hub it is one that stays, of which there may be more.
func (v *Visitor) Stall(ctx context.Context, size int64) (io.Closer, error) {
	answer, err := v.get(ctx, listPath(size)+"&follow=1")
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// lastWord is the type of the event with which a watch that is cut says why.
const lastWord = "ERROR"

// Watch watches until it ends, and says of each event how long it was on its way, which makes sense on one machine only.
func (v *Visitor) Watch(ctx context.Context, interval time.Duration, see func(took time.Duration)) error {
	answer, err := v.get(ctx, apiserver.ListPath+"?watch=1&interval="+interval.String())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	next := 0
	for lines := bufio.NewReader(answer.Body); ; next++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("after %d events: %w", next, err)
		}
		now := time.Now().UnixNano()
		var event apiserver.Event
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("%w: event %d: %w", ErrWrong, next, err)
		}
		if event.Type == lastWord {
			return fmt.Errorf("after %d events: %w: %s", next, ErrStatus, strings.TrimSpace(string(line)))
		}
		if event.Number != next {
			return fmt.Errorf("%w: event %d came instead of %d", ErrWrong, event.Number, next)
		}
		see(time.Duration(now - event.At))
	}
}

// Upgrade opens a stream that returns what it gets.
func (v *Visitor) Upgrade(ctx context.Context) (io.ReadWriteCloser, error) {
	header := http.Header{"Connection": {"Upgrade"}, "Upgrade": {apiserver.Protocol}}
	answer, err := v.do(ctx, http.MethodPost, apiserver.EchoPath, nil, header)
	if err != nil {
		return nil, err
	}
	if err := want(answer, http.StatusSwitchingProtocols); err != nil {
		return nil, err
	}
	stream, ok := answer.Body.(io.ReadWriteCloser)
	if !ok {
		answer.Body.Close()
		return nil, errors.New("the upgraded stream cannot be written to")
	}
	return stream, nil
}

// Echo sends size bytes through an upgraded stream, both directions being busy, and checks what comes back.
func (v *Visitor) Echo(ctx context.Context, size int64, count *atomic.Int64) error {
	stream, err := v.Upgrade(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	defer stop()
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{stream}, apiserver.Body(size), make([]byte, 64<<10))
		sent <- err
	}()
	check := &apiserver.Checker{}
	buffer := make([]byte, 64<<10)
	for check.Bytes < size {
		n, readErr := stream.Read(buffer)
		if count != nil {
			count.Add(int64(n))
		}
		_, err = check.Write(buffer[:n])
		switch {
		case err != nil:
			err = fmt.Errorf("%w: %w", ErrWrong, err)
		case readErr != nil && check.Bytes < size:
			err = fmt.Errorf("after %d of %d bytes of an echo: %w", check.Bytes, size, readErr)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		stream.Close()
	}
	return errors.Join(err, <-sent)
}

// Upload sends size bytes.
func (v *Visitor) Upload(ctx context.Context, size int64) error {
	answer, err := v.do(ctx, http.MethodPost, apiserver.UploadPath, apiserver.Body(size), nil)
	if err != nil {
		return err
	}
	if err := want(answer, http.StatusOK); err != nil {
		return err
	}
	defer answer.Body.Close()
	var received apiserver.Received
	if err := json.NewDecoder(answer.Body).Decode(&received); err != nil {
		return err
	}
	switch {
	case received.Intact && received.Bytes == size:
		return nil
	case received.Intact || received.Bytes == size:
		return fmt.Errorf("%w: of %d bytes %d arrived, intact: %t", ErrWrong, size, received.Bytes, received.Intact)
	default:
		return fmt.Errorf("the upload was cut off after %d of %d bytes", received.Bytes, size)
	}
}
