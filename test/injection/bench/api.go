package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// api is a plain way to the API server: it makes thousands of calls and keeps little, so that the bench itself stays small.
type api struct {
	server *url.URL
	client *http.Client
}

// newAPI takes the one cluster and user of a kubeconfig.
func newAPI(kubeconfig string) (*api, error) {
	content, err := os.ReadFile(kubeconfig) //nolint:gosec // the bench's own cluster wrote it
	if err != nil {
		return nil, err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server    string
				Authority []byte `json:"certificate-authority-data"` //nolint:tagliatelle // a kubeconfig's
			}
		}
		Users []struct {
			User struct {
				Certificate []byte `json:"client-certificate-data"` //nolint:tagliatelle // a kubeconfig's
				Key         []byte `json:"client-key-data"`         //nolint:tagliatelle // a kubeconfig's
			}
		}
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	if len(config.Clusters) != 1 || len(config.Users) != 1 {
		return nil, errors.New("the kubeconfig has not exactly one cluster and one user")
	}
	pair, err := tls.X509KeyPair(config.Users[0].User.Certificate, config.Users[0].User.Key)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(config.Clusters[0].Cluster.Authority)
	server, err := url.Parse(config.Clusters[0].Cluster.Server)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig's server: %w", err)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: atOnce,
	}
	return &api{server: server, client: &http.Client{Transport: transport, Timeout: time.Minute}}, nil
}

// get reads JSON into a value.
func (a *api) get(ctx context.Context, path, accept string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server.String()+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", accept)
	return a.do(request, into)
}

// patch merges a value into an object.
func (a *api) patch(ctx context.Context, path string, change any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, a.server.String()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/merge-patch+json")
	return a.do(request, nil)
}

func (a *api) do(request *http.Request, into any) error {
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // what was read is what counts
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 500)) // the status says enough
		return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL.Path, response.Status, strings.TrimSpace(string(said)))
	}
	if into == nil {
		_, err = io.Copy(io.Discard, response.Body) // so that the connection can be used again
		return err
	}
	return json.NewDecoder(response.Body).Decode(into)
}
