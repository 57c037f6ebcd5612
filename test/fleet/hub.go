package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/test/cluster/freeport"
	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	// Tells how many requests of agents are being answered.
	gauge        = `fairlead_hub_requests_under_way{part="dataplane"} `
	servedCount  = `fairlead_hub_handshakes_total{outcome="served"} `
	refusedCount = `fairlead_hub_handshakes_total{outcome="refused"} `
	offlineGauge = `fairlead_hub_clusters{status="Offline"} `
)

// hub is the real hub in a process of its own, with an administrator.
type hub struct {
	*rig.Hub

	ca           []byte
	api          *client.Hub
	subscription string
}

// openHub starts a hub on two cores.
func openHub(ctx context.Context, binary, dir, profiles string) (*hub, error) {
	address, err := freeport.Address(ctx, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	h := &hub{Hub: &rig.Hub{Binary: binary, Dir: filepath.Join(dir, "hub"), Address: address, Env: []string{fmt.Sprintf("GOMAXPROCS=%d", cores)}, Patience: herdPatience}}
	// One administrator plays all the people who register and change clusters.
	h.Flags = []string{"--principal-rate", "100000"}
	if profiles != "" {
		h.Flags = append(h.Flags, "--debug-listen", profiles)
	}
	if err := h.Start(ctx); err != nil {
		return nil, err
	}
	if err := h.signIn(ctx); err != nil {
		_ = h.Kill()
		return nil, err
	}
	return h, nil
}

func (h *hub) signIn(ctx context.Context) error {
	var err error
	if h.ca, err = os.ReadFile(h.CAFile()); err != nil {
		return err
	}
	credential, err := h.credential(ctx)
	if err != nil {
		return err
	}
	web, err := client.NewHTTP(h.ca)
	if err != nil {
		return err
	}
	tokens := &client.Credentials{
		URL: h.URL(), TenantID: credential.TenantID, ClientID: credential.AppID,
		Secret: client.Secret(credential.Secret), HTTP: web, Now: time.Now,
	}
	h.api = &client.Hub{URL: h.URL(), HTTP: web, Token: tokens.Token, Renew: tokens.Renew}
	found, err := h.api.List(ctx, "/subscriptions", client.SubscriptionVersion, nil)
	if err != nil || len(found) == 0 {
		return fmt.Errorf("find the hub's subscription: %w", err)
	}
	h.subscription, _ = found[0]["subscriptionId"].(string)
	return nil
}

// credential waits for the file: the hub writes it when it is ready already.
func (h *hub) credential(ctx context.Context) (rig.Credential, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		found, err := h.Credential()
		if err == nil || rest(ctx, 20*time.Millisecond) != nil {
			return found, err
		}
	}
}

// Endpoint implements server.
func (h *hub) Endpoint() endpoint { return endpoint{h.URL(), h.ca} }

// UnderWay implements server.
func (h *hub) UnderWay(ctx context.Context) (int, error) {
	return h.measured(ctx, gauge)
}

// away returns how many clusters the hub calls Offline, which costs it less to say than which.
func (h *hub) away(ctx context.Context) (int, error) { return h.measured(ctx, offlineGauge) }

// Handshakes implements server.
func (h *hub) Handshakes(ctx context.Context) (handshakes, error) {
	served, err := h.measured(ctx, servedCount)
	if err != nil {
		return handshakes{}, err
	}
	refused, err := h.measured(ctx, refusedCount)
	return handshakes{served, refused}, err
}

func (h *hub) measured(ctx context.Context, metric string) (int, error) {
	answer, err := h.api.Do(ctx, client.Call{Method: http.MethodGet, Path: "/metrics"})
	if err != nil {
		return 0, err
	}
	return readGauge(answer.Body, metric)
}

func readGauge(exposition []byte, metric string) (int, error) {
	lines := bufio.NewScanner(bytes.NewReader(exposition))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), metric); ok {
			count, err := strconv.ParseFloat(value, 64)
			return int(count), err
		}
	}
	return 0, fmt.Errorf("the metrics hold no %s", metric)
}

func (h *hub) group() string {
	return "/subscriptions/" + h.subscription + "/resourceGroups/" + groupName
}

func (h *hub) clusterID(number int) fairlead.ResourceID {
	return fairlead.ConnectedClusterID(h.subscription, groupName, fmt.Sprintf("fleet-%05d", number))
}
