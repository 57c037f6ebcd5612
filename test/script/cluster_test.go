package script_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
)

// inhabit makes a connected cluster as register does, and runs agents for it until the script ends: they speak to the hub with the real
// agents' own code, and report that everything that the hub wants is done: inhabit NAME GROUP. A Flux configuration with broken in its
// URL fails.
func inhabit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: inhabit NAME GROUP")
	}
	key, id := enter(ts, args[0], args[1])
	hub := enrol(ts, id, key)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { beat(ctx, hub) })
	running.Go(func() { obey(ctx, hub) })
	ts.Defer(func() { cancel(); running.Wait() })
}

// enrol gets an identity certificate with the onboarding key.
func enrol(ts *testscript.TestScript, id fairlead.ResourceID, onboarding *rsa.PrivateKey) *dataplane.Client {
	authority, err := os.ReadFile(ts.MkAbs("hub/ca.crt"))
	ts.Check(err)
	holder := &identity.Holder{}
	at := settings.Settings{Cluster: id, HubURL: ts.Getenv("HUB"), HubCA: authority, AgentVersion: fairlead.Version}
	client, err := dataplane.New(at, holder, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ts.Check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	ts.Check(err)
	answer, err := client.Certificate(context.Background(), onboarding, request)
	ts.Check(err)
	chain, err := identity.ParseChain([]byte(answer.Certificate))
	ts.Check(err)
	holder.Set(&identity.Identity{Chain: chain, Key: key, RenewAfter: answer.RenewAfter}, nil)
	return client
}

func beat(ctx context.Context, hub *dataplane.Client) {
	known := fairlead.ClusterMetadata{KubernetesVersion: "v1.37.1", Distribution: "k3s", Infrastructure: "generic", TotalNodeCount: 1, AgentVersion: fairlead.Version}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		_, _ = hub.Heartbeat(ctx, fairlead.Heartbeat{MetadataHash: "x", Metadata: &known}) // the next one may get through
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// obey takes what the hub wants as it comes, and reports of it.
func obey(ctx context.Context, hub *dataplane.Client) {
	query := fairlead.PendingQuery{WaitSeconds: 5}
	for ctx.Err() == nil {
		pending, err := hub.PendingConfigs(ctx, query)
		if err != nil || pending.Unchanged {
			continue
		}
		query.ETag = pending.ETag
		var extensions []fairlead.ExtensionReport
		var flux []fairlead.FluxReport
		for _, wanted := range pending.Configurations {
			switch wanted.Kind {
			case fairlead.ExtensionConfigKind:
				extensions = append(extensions, extensionOf(wanted))
			case fairlead.FluxConfigKind:
				flux = append(flux, fluxOf(wanted))
			}
		}
		_ = hub.ExtensionStatuses(ctx, extensions) // scripts wait for what they bring about
		_ = hub.FluxStatuses(ctx, flux)
	}
}

func extensionOf(wanted fairlead.Configuration) fairlead.ExtensionReport {
	var spec fairlead.ExtensionSpec
	_ = json.Unmarshal(wanted.Spec, &spec) // the hub made it
	state := fairlead.ExtensionState{
		ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: spec.Version, ReleaseRevision: 1, Time: time.Now(),
	}
	if wanted.Deleted {
		state.ProvisioningState = fairlead.ExtensionGone
	}
	return fairlead.ExtensionReport{Name: wanted.Name, State: state}
}

func fluxOf(wanted fairlead.Configuration) fairlead.FluxReport {
	var spec fairlead.FluxSpec
	_ = json.Unmarshal(wanted.Spec, &spec) // the hub made it
	state := fairlead.FluxState{
		ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, ComplianceState: fairlead.FluxCompliant,
		SourceSyncedCommitID: "main@sha1:0123456789abcdef0123456789abcdef01234567", StatusUpdatedAt: time.Now(),
	}
	condition := fairlead.FluxCondition{Type: "Ready", Status: "True", Reason: "ReconciliationSucceeded", Message: "Applied revision", LastTransitionTime: time.Now()}
	if spec.GitRepository != nil && strings.Contains(spec.GitRepository.URL, "broken") {
		state.ProvisioningState, state.ComplianceState, state.ErrorMessage = fairlead.ExtensionFailed, fairlead.FluxNonCompliant, "failed to checkout"
		state.SourceSyncedCommitID = ""
		condition.Status, condition.Reason, condition.Message = "False", "GitOperationFailed", "repository not found"
	}
	for name := range spec.Kustomizations {
		state.Statuses = append(state.Statuses, fairlead.FluxObject{
			Name: wanted.Name + "-" + name, Namespace: spec.Namespace, Kind: "Kustomization", ComplianceState: state.ComplianceState, Conditions: []fairlead.FluxCondition{condition},
		})
	}
	if wanted.Deleted {
		state = fairlead.FluxState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone}
	}
	return fairlead.FluxReport{Name: wanted.Name, State: state}
}
