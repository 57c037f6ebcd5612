// Package dataplane is the agents' client of the hub: every request is signed, goes through the
// cluster's proxy, trusts the authorities the chart was given, and presents the identity certificate
// in TLS too where nothing in between ends TLS. It decides nothing about when to call.
package dataplane

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/logline"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/proof"
)

const (
	// A call that is not a long poll ends after callTimeout if its caller does not give it up before.
	callTimeout = 8 * time.Second
	pollMargin  = 10 * time.Second // how much longer than the hub a long poll waits
	maxAnswer   = 4 << 20
)

// Client calls the data plane of one hub for one cluster.
type Client struct {
	settings settings.Settings
	identity *identity.Holder
	now      func() time.Time
	log      *slog.Logger
	requests *prometheus.CounterVec
	anchors  anchors
	offset   atomic.Int64 // nanoseconds to add to our clock to get the hub's
	told     func() []byte

	mu        sync.Mutex
	current   *session
	unnamed   *session
	tunnels   *tunnelSession
	abandoned time.Time // when a connection was last given up for its silence
}

// New returns a client. It makes no call.
func New(s settings.Settings, holder *identity.Holder, log *slog.Logger, registry prometheus.Registerer) (*Client, error) {
	trusted, err := trust(s)
	if err != nil {
		return nil, err
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fairlead_hub_requests_total", Help: "Requests to the hub by operation and outcome.",
	}, []string{"operation", "outcome"})
	if err := registry.Register(requests); err != nil {
		return nil, fmt.Errorf("register the metrics of the hub's client: %w", err)
	}
	return &Client{settings: s, identity: holder, now: time.Now, log: log, requests: requests, anchors: trusted}, nil
}

// Certificate asks for an identity certificate with proof of the onboarding key.
func (c *Client) Certificate(ctx context.Context, onboarding crypto.Signer, csr []byte) (fairlead.CertificateResponse, error) {
	var answer fairlead.CertificateResponse
	err := c.call(ctx, callTimeout, fairlead.OpCertificate, c.withoutIdentity(onboarding), fairlead.CertificateRequest{CSR: csr}, &answer)
	return answer, err
}

// Heartbeat sends a sign of life.
func (c *Client) Heartbeat(ctx context.Context, beat fairlead.Heartbeat) (fairlead.HeartbeatResponse, error) {
	var answer fairlead.HeartbeatResponse
	err := c.callAsCluster(ctx, callTimeout, fairlead.OpHeartbeat, beat, &answer)
	return answer, err
}

// PendingConfigs asks for the desired state and waits for as long as the query says.
func (c *Client) PendingConfigs(ctx context.Context, query fairlead.PendingQuery) (fairlead.PendingConfigs, error) {
	var answer fairlead.PendingConfigs
	wait := time.Duration(query.WaitSeconds)*time.Second + pollMargin
	err := c.callAsCluster(ctx, wait, fairlead.OpPendingConfigs, query, &answer)
	return answer, err
}

// ConfigStatuses reports what became of the desired state.
func (c *Client) ConfigStatuses(ctx context.Context, statuses []fairlead.ConfigurationStatus) error {
	return c.callAsCluster(ctx, callTimeout, fairlead.OpConfigStatus, statuses, nil)
}

// AgentStatus reports the health of the agents.
func (c *Client) AgentStatus(ctx context.Context, status fairlead.AgentStatus) error {
	return c.callAsCluster(ctx, callTimeout, fairlead.OpAgentStatus, status, nil)
}

// ExtensionStatuses reports what became of extensions.
func (c *Client) ExtensionStatuses(ctx context.Context, reports []fairlead.ExtensionReport) error {
	return c.callAsCluster(ctx, callTimeout, fairlead.OpExtensionStatus, reports, nil)
}

// FluxStatuses reports what became of Flux configurations.
func (c *Client) FluxStatuses(ctx context.Context, reports []fairlead.FluxReport) error {
	return c.callAsCluster(ctx, callTimeout, fairlead.OpFluxStatus, reports, nil)
}

// ExtensionEvents reports what happened to extensions.
func (c *Client) ExtensionEvents(ctx context.Context, events []fairlead.ExtensionEvent) error {
	return c.callAsCluster(ctx, callTimeout, fairlead.OpExtensionEvents, events, nil)
}

// FluxLogs reports what Flux' controllers have written about configurations.
func (c *Client) FluxLogs(ctx context.Context, lines []fairlead.FluxLog) error {
	return c.callAsCluster(ctx, callTimeout, fairlead.OpFluxLogs, lines, nil)
}

func (c *Client) callAsCluster(ctx context.Context, wait time.Duration, operation string, request, answer any) error {
	via, err := c.withIdentity()
	if err != nil {
		return err
	}
	return c.call(ctx, wait, operation, via, request, answer)
}

func (c *Client) call(ctx context.Context, wait time.Duration, operation string, via signedSession, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode %s: %w", operation, err)
	}
	ctx, started := logline.WithCorrelation(ctx, uuid.NewString()), time.Now()
	err = c.attempt(ctx, wait, operation, via, body, answer)
	if fairlead.CodeOf(err) == "ProofExpired" && c.correctClock(ctx, err) {
		err = c.attempt(ctx, wait, operation, via, body, answer)
	}
	// A connection that is still being opened goes on, for the next request to find it.
	if errors.Is(err, context.DeadlineExceeded) && via.connected() && via.gaveUp(started) {
		c.abandon(via.session)
	}
	if refused := refusalOf(err); refused != nil {
		// The hub's log has the rest under the same id.
		c.log.DebugContext(ctx, "the hub refused a call", slog.String("operation", operation), slog.Int("status", refused.Status), slog.String("code", refused.Code))
	}
	c.requests.WithLabelValues(operation, outcome(err)).Inc()
	return err
}

func (c *Client) attempt(ctx context.Context, wait time.Duration, operation string, via signedSession, body []byte, into any) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	path := fairlead.DataPlanePath(c.settings.Cluster, operation)
	ctx, done, err := via.begin(ctx)
	if err != nil {
		return fmt.Errorf("reach the hub: %w", err)
	}
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.settings.HubURL+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("prepare %s: %w", operation, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "fairlead-agent/"+c.settings.AgentVersion)
	request.Header.Set("X-Ms-Correlation-Request-Id", logline.Correlation(ctx))
	if err := via.signer(c.hubTime).Sign(request, body); err != nil {
		return err
	}
	answer, err := via.http.Do(request)
	if err != nil {
		via.lost(ctx)
		return fmt.Errorf("reach the hub: %w", err)
	}
	defer answer.Body.Close()
	via.heard()
	return decode(answer, path, into)
}

func (c *Client) hubTime() time.Time { return c.now().Add(time.Duration(c.offset.Load())) }

// correctClock follows the hub's clock when a proof was refused for its time.
func (c *Client) correctClock(ctx context.Context, err error) bool {
	refused := refusalOf(err)
	if refused == nil || refused.Date.IsZero() {
		return false
	}
	offset := refused.Date.Sub(c.now())
	c.offset.Store(int64(offset))
	c.log.WarnContext(ctx, "this node's clock differs from the hub's", slog.Duration("offset", offset.Round(time.Second)))
	return true
}

func decode(answer *http.Response, path string, into any) error {
	body := io.LimitReader(answer.Body, maxAnswer)
	if answer.StatusCode >= http.StatusMultipleChoices {
		return refuse(answer, path, body)
	}
	if into == nil {
		_, err := io.Copy(io.Discard, body)
		return err
	}
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("the hub's answer to %s cannot be read: %w", path, err)
	}
	return nil
}

// signedSession is a way to the hub and the key that signs on it; both belong together, because the
// hub refuses a proof that is not by the certificate of its TLS connection.
type signedSession struct {
	*session
	sign proof.Signer
}

func (s signedSession) signer(now func() time.Time) proof.Signer {
	signer := s.sign
	signer.Now = now
	return signer
}
