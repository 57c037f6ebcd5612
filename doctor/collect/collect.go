// Package collect takes a snapshot of a live cluster: it reads what checks say they need, once, side by side, with time-outs, and
// writes down what it was not allowed or not able to read. It changes nothing in the cluster. Secrets are replaced before
// anything is kept.
package collect

import (
	"context"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/redact"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	callTimeout = 15 * time.Second
	atOnce      = 8
	// Decoding leaves much garbage behind: in percent of what is kept, so much of it may lie about while a cluster is read.
	garbage = 50
)

// Wanted is what to read.
type Wanted struct {
	Needs []snapshot.Need
	Logs  []snapshot.LogNeed
	// Namespace is looked at besides the ones that are always, when not all can be listed.
	Namespace string
	// Since bounds how old log lines may be; zero means any age.
	Since time.Duration
	// Rights asks for what onboarding needs even when Arc is there already.
	Rights bool
	// Flux asks for the dry runs of its area even where nothing of it is installed.
	Flux bool
}

// Source is a cluster to read from.
type Source struct {
	Config  *rest.Config
	Context string
	Redact  *redact.Redactor
	// Note tells a person what is being done; nil is fine.
	Note func(string)
	// Now is the clock.
	Now func() time.Time
}

// collector is one run.
type collector struct {
	source  Source
	wanted  Wanted
	api     kubernetes.Interface
	names   metadata.Interface
	objects dynamic.Interface
	served  discovery.DiscoveryInterface
	date    *dateReader

	mutex       sync.Mutex
	snapshot    *snapshot.Snapshot
	shapes      map[types.UID]shape            // of pods by owner
	releaseMaps []metav1.PartialObjectMetadata // ConfigMaps in which Helm keeps releases
}

// Snapshot reads the cluster. Only a kubeconfig that cannot be used at all and a cancelled context are errors; everything else is
// written down in the snapshot.
func Snapshot(ctx context.Context, source Source, wanted Wanted) (*snapshot.Snapshot, error) {
	c, err := newCollector(source, wanted)
	if err != nil {
		return nil, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	c.snapshot.Taken = source.Now().UTC()
	c.snapshot.Client.Reach = c.reach(ctx)
	if _, lost := c.snapshot.Client.Unreachable(); lost {
		return c.snapshot, ctx.Err()
	}
	c.read(ctx)
	return c.snapshot, ctx.Err()
}

func newCollector(source Source, wanted Wanted) (*collector, error) {
	config := rest.CopyConfig(source.Config)
	config.QPS, config.Burst = -1, -1 // the number of calls is small and known; the API server has fairness of its own
	config.UserAgent = "fairlead-doctor/" + fairlead.Version
	config.WarningHandler = rest.NoWarnings{}
	date := &dateReader{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { date.next = next; return date })
	c := &collector{source: source, wanted: wanted, date: date, shapes: map[types.UID]shape{}, snapshot: &snapshot.Snapshot{
		Version: snapshot.Version, Coverage: map[snapshot.Resource]*snapshot.Coverage{}, Custom: map[snapshot.Resource][]unstructuredObject{},
		Client: snapshot.Client{Context: source.Context, Server: config.Host},
	}}
	compact := rest.CopyConfig(config)
	compact.ContentType, compact.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json"
	return c, c.connect(config, compact)
}

func (c *collector) connect(config, compact *rest.Config) error {
	var err error
	if c.api, err = kubernetes.NewForConfig(compact); err == nil {
		c.names, err = metadata.NewForConfig(metadata.ConfigFor(compact))
	}
	if err == nil {
		c.objects, err = dynamic.NewForConfig(config)
	}
	if err == nil {
		c.served, err = discovery.NewDiscoveryClientForConfig(config)
	}
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig's context %q cannot be used: %w", c.source.Context, err)
	}
	return nil
}

// read takes what later steps build on first, then the rest side by side.
func (c *collector) read(ctx context.Context) {
	c.note("reading the cluster")
	c.parallel(ctx, append(c.lists(), c.identify, c.listReleaseMaps, c.discoverCustom)...)
	c.mark()
	c.note("reading releases, certificates and logs")
	c.parallel(ctx, c.readPayloads, c.readCertificates, c.readRights, c.readTrials, c.readLogs)
}

func (c *collector) note(text string) {
	if c.source.Note != nil {
		c.source.Note(text)
	}
}

// parallel runs steps side by side; a step writes its own failures down.
func (c *collector) parallel(ctx context.Context, steps ...func(context.Context)) {
	group := errgroup.Group{}
	group.SetLimit(atOnce)
	for _, step := range steps {
		group.Go(func() error { step(ctx); return nil })
	}
	_ = group.Wait() // no step fails
}

// dateReader keeps the API server's clock from the first answer.
type dateReader struct {
	next  http.RoundTripper
	mutex sync.Mutex
	date  time.Time
}

func (d *dateReader) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := d.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.date.IsZero() {
		d.date, _ = http.ParseTime(response.Header.Get("Date")) // without one the skew stays unknown
	}
	return response, nil
}
