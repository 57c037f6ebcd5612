package tunnel

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/proxy"
)

// connect returns a connection to the server, with TLS, through the proxy if there is one.
func (d *Dialer) connect(ctx context.Context, target *url.URL) (net.Conn, error) {
	var via *url.URL
	if d.Proxy != nil {
		var err error
		if via, err = d.Proxy(target); err != nil {
			return nil, fmt.Errorf("find the proxy: %w", err)
		}
	}
	conn, err := d.reach(ctx, via, addressOf(target))
	if err != nil || target.Scheme != "https" {
		return conn, err
	}
	return d.secure(ctx, conn, target.Hostname())
}

func addressOf(target *url.URL) string {
	ports := map[string]string{"https": "443", "http": "80", "socks5": "1080", "socks5h": "1080"}
	return net.JoinHostPort(target.Hostname(), cmp.Or(target.Port(), ports[target.Scheme]))
}

// reach returns a connection on which the server hears.
func (d *Dialer) reach(ctx context.Context, via *url.URL, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 15 * time.Second}
	if via == nil {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		return conn, nil
	}
	switch via.Scheme {
	case "socks5", "socks5h":
		return socks(ctx, dialer, via, address)
	case "http", "https":
	default:
		return nil, fmt.Errorf("a proxy of kind %q is not known", via.Scheme)
	}
	conn, err := dialer.DialContext(ctx, "tcp", addressOf(via))
	if err != nil {
		return nil, fmt.Errorf("connect to the proxy: %w", err)
	}
	if via.Scheme == "https" {
		if conn, err = d.secure(ctx, conn, via.Hostname()); err != nil {
			return nil, fmt.Errorf("connect to the proxy: %w", err)
		}
	}
	return ask(ctx, conn, via, address)
}

// secure begins TLS on a connection, which it closes if that fails.
func (d *Dialer) secure(ctx context.Context, conn net.Conn, name string) (net.Conn, error) {
	config := d.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.NextProtos = []string{"http/1.1"} // over HTTP/2 there is no Upgrade
	config.ServerName = cmp.Or(config.ServerName, name)
	secured, err := Secure(ctx, conn, config)
	if err != nil {
		return nil, fmt.Errorf("begin TLS with %s: %w", name, err)
	}
	return secured, nil
}

// ask has a proxy connect to an address.
func ask(ctx context.Context, conn net.Conn, via *url.URL, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := askNow(conn, via, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close() // what went wrong was before
		return nil, err
	}
	return conn, nil
}

func askNow(conn net.Conn, via *url.URL, address string) error {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if user := via.User; user != nil {
		password, _ := user.Password()
		word := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		request.Header.Set("Proxy-Authorization", "Basic "+word)
	}
	if err := request.Write(conn); err != nil {
		return fmt.Errorf("ask the proxy: %w", err)
	}
	buffered := bufio.NewReaderSize(io.LimitReader(conn, maxAnswer), readBuffer)
	answer, err := http.ReadResponse(buffered, request)
	switch {
	case err != nil:
		return fmt.Errorf("read the proxy's answer: %w", err)
	case answer.StatusCode != http.StatusOK:
		refused := refusal(answer)
		refused.Reason = ByProxy
		return refused
	case buffered.Buffered() > 0: // the server speaks second
		return errors.New("the proxy spoke for the server")
	}
	return nil
}

func socks(ctx context.Context, dialer *net.Dialer, via *url.URL, address string) (net.Conn, error) {
	through, err := proxy.FromURL(via, dialer)
	if err != nil {
		return nil, fmt.Errorf("use the proxy: %w", err)
	}
	conn, err := through.(proxy.ContextDialer).DialContext(ctx, "tcp", address) //nolint:forcetypeassert // that of SOCKS5 is one
	if err != nil {
		return nil, fmt.Errorf("connect through the proxy: %w", err)
	}
	return conn, nil
}
