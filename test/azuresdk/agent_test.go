package azuresdk_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/hybridkubernetes/armhybridkubernetes"
	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/prometheus/client_golang/prometheus"
)

// inCluster are the agents of a cluster that has no Kubernetes: they speak to the hub with the real agents' own code, and report of
// each extension what judge says.
type inCluster struct {
	id    fairlead.ResourceID
	hub   *dataplane.Client
	judge func(fairlead.ExtensionSpec) fairlead.ExtensionState

	mu     sync.Mutex
	told   map[string]fairlead.Configuration // what the hub wants of extensions, by name
	wished map[string]fairlead.FluxSpec      // and of Flux configurations
}

// inhabit connects a cluster and runs agents for it until the test ends.
func (a *azure) inhabit(t *testing.T, judge func(fairlead.ExtensionSpec) fairlead.ExtensionState) *inCluster {
	t.Helper()
	const name = "edge-1"
	onboarding := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	wanted := cluster(t)
	wanted.Properties.AgentPublicKeyCertificate = new(base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&onboarding.PublicKey)))
	poller, err := a.clusters(t).BeginCreate(t.Context(), shops, name, wanted, nil)
	made := done(t, poller, err)
	c := &inCluster{id: must(fairlead.ParseResourceID(*made.ID))(t), judge: judge, told: map[string]fairlead.Configuration{}, wished: map[string]fairlead.FluxSpec{}}
	c.hub = a.enrol(t, c.id, onboarding)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { c.beat(ctx) })
	running.Go(func() { c.obey(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	a.await(t, name)
	return c
}

// enrol gets an identity certificate with the onboarding key.
func (a *azure) enrol(t *testing.T, id fairlead.ResourceID, onboarding *rsa.PrivateKey) *dataplane.Client {
	t.Helper()
	holder := &identity.Holder{}
	authority := must(os.ReadFile(a.CAFile))(t)
	at := settings.Settings{Cluster: id, HubURL: a.URL, HubCA: authority, AgentVersion: fairlead.Version}
	client := must(dataplane.New(at, holder, slog.New(slog.DiscardHandler), prometheus.NewRegistry()))(t)
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	request := must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key))(t)
	answer := must(client.Certificate(t.Context(), onboarding, request))(t)
	chain := must(identity.ParseChain([]byte(answer.Certificate)))(t)
	holder.Set(&identity.Identity{Chain: chain, Key: key, RenewAfter: answer.RenewAfter}, nil)
	return client
}

func (c *inCluster) beat(ctx context.Context) {
	known := fairlead.ClusterMetadata{KubernetesVersion: "v1.37.1", Distribution: "k3s", Infrastructure: "generic", TotalNodeCount: 1, AgentVersion: fairlead.Version}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		_, _ = c.hub.Heartbeat(ctx, fairlead.Heartbeat{MetadataHash: "x", Metadata: &known}) // the next one may get through
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// obey takes what the hub wants as it comes, and reports of it.
func (c *inCluster) obey(ctx context.Context) {
	query := fairlead.PendingQuery{WaitSeconds: 5}
	for ctx.Err() == nil {
		pending, err := c.hub.PendingConfigs(ctx, query)
		if err != nil || pending.Unchanged {
			continue
		}
		query.ETag = pending.ETag
		if followed := c.followed(pending); len(followed) > 0 {
			_ = c.hub.FluxStatuses(ctx, followed) // a test waits for what they bring about
		}
		if reports := c.reports(pending); len(reports) > 0 {
			_ = c.hub.ExtensionStatuses(ctx, reports) // a test waits for what they bring about
		}
	}
}

func (c *inCluster) reports(pending fairlead.PendingConfigs) []fairlead.ExtensionReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	var reports []fairlead.ExtensionReport
	for _, wanted := range pending.Configurations {
		var spec fairlead.ExtensionSpec
		if wanted.Kind != fairlead.ExtensionConfigKind || json.Unmarshal(wanted.Spec, &spec) != nil {
			continue
		}
		c.told[wanted.Name] = wanted
		state := fairlead.ExtensionState{ProvisioningState: fairlead.ExtensionGone}
		if !wanted.Deleted {
			state = c.judge(spec)
		}
		state.ObservedGeneration, state.Time = spec.Generation, time.Now()
		reports = append(reports, fairlead.ExtensionReport{Name: wanted.Name, State: state})
	}
	return reports
}

// followed reports of Flux configurations that their sources are followed.
func (c *inCluster) followed(pending fairlead.PendingConfigs) []fairlead.FluxReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	var reports []fairlead.FluxReport
	for _, wanted := range pending.Configurations {
		var spec fairlead.FluxSpec
		if wanted.Kind != fairlead.FluxConfigKind || json.Unmarshal(wanted.Spec, &spec) != nil {
			continue
		}
		c.wished[wanted.Name] = spec
		reports = append(reports, fairlead.FluxReport{Name: wanted.Name, State: follows(spec, wanted)})
	}
	return reports
}

// wish is what the hub last wanted of a Flux configuration.
func (c *inCluster) wish(name string) fairlead.FluxSpec {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wished[name]
}

// spec is what the hub last wanted of an extension.
func (c *inCluster) spec(t *testing.T, name string) fairlead.ExtensionSpec {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var spec fairlead.ExtensionSpec
	if err := json.Unmarshal(c.told[name].Spec, &spec); err != nil {
		t.Fatalf("the cluster was told nothing of %s: %v", name, err)
	}
	return spec
}

// await waits until the hub has heard of a cluster.
func (a *azure) await(t *testing.T, name string) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		got := must(a.clusters(t).Get(t.Context(), shops, name, nil))(t)
		if *got.Properties.ConnectivityStatus == armhybridkubernetes.ConnectivityStatusConnected {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s does not connect: %s", name, *got.Properties.ConnectivityStatus)
		case <-ticker.C:
		}
	}
}
