package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// arm calls the hub as a client of Azure Resource Manager does, over a connection that it keeps.
type arm struct {
	client  *http.Client
	token   string
	cluster string // URL of the connected cluster
}

func (b *bench) newARM(ctx context.Context) (*arm, error) {
	client, err := b.hub.Client()
	if err != nil {
		return nil, err
	}
	var token struct {
		AccessToken string `json:"accessToken"`
	}
	if err := b.cli.JSON(ctx, &token, "account", "get-access-token"); err != nil {
		return nil, err
	}
	var cluster struct {
		ID string `json:"id"`
	}
	if err := b.cli.JSON(ctx, &cluster, "connectedk8s", "show", "-g", "default", "-n", clusterName); err != nil {
		return nil, err
	}
	return &arm{client, token.AccessToken, b.hub.URL() + cluster.ID}, nil
}

// resource is the path of a resource of the cluster, and in which version of the API it is called.
type resource struct{ kind, name, version string }

func (r resource) url(cluster string) string {
	return cluster + "/providers/Microsoft.KubernetesConfiguration/" + r.kind + "/" + r.name + "?api-version=" + r.version
}

func (a *arm) put(ctx context.Context, what resource, body any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = a.do(ctx, http.MethodPut, what, content)
	return err
}

func (a *arm) get(ctx context.Context, what resource, v any) error {
	content, err := a.do(ctx, http.MethodGet, what, nil)
	if err != nil {
		return err
	}
	return decode(content, what.kind+" "+what.name, v)
}

func (a *arm) do(ctx context.Context, method string, what resource, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, what.url(a.cluster), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode > 299 {
		err = fmt.Errorf("%s %s %s: %s: %.500s", method, what.kind, what.name, response.Status, content)
	}
	return content, err
}
