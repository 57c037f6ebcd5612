// Package probe runs doctor's own small program inside a cluster, to see names, proxies and endpoints as agents see them. It
// brings the program along in ConfigMaps, starts it in an image that the node has already, and takes everything away again;
// no image is ever pulled. What the program may find is told in package wire.
package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// Place is where in the cluster a plan is run.
type Place string

// The places: in the network of pods, where agents live, and in that of the node, from where images are pulled.
const (
	Pod  Place = "pod"
	Node Place = "node"
)

// Label marks everything that a probe puts into a cluster; its value is LabelValue.
const (
	Label      = "app.kubernetes.io/name"
	LabelValue = "fairlead-doctor-probe"
	labelRun   = "app.kubernetes.io/instance"
)

// Request is a plan, and where to run it.
type Request struct {
	Place Place
	Node  string // the node's name; empty leaves the choice to the probe, which prefers nodes with agents
	Plan  wire.Plan
}

// Outcome is what became of one request.
type Outcome struct {
	Place  Place
	Node   string      // empty when none was found
	Image  string      // that the program ran in
	Result wire.Result // empty when Err is not nil
	Err    error       // a *CannotRun, or the end of the caller's context
}

// Prober runs plans in a cluster. Client is needed.
type Prober struct {
	Client    kubernetes.Interface
	Namespace string                                                // empty means that of the Arc agents, or kube-system when there is none
	Program   func(arch string) ([]byte, error)                     // nil means what this build brings along
	Start     time.Duration                                         // how long a pod may take to start; 0 means 45 seconds
	Logs      func(context.Context, string, string) ([]byte, error) // of a namespace and a pod; nil means from the API server
}

// Run runs every request, beside each other, and gives the outcomes in their order. When it returns, nothing of it is left in
// the cluster, also when ctx has ended; otherwise the error is a *Leftover.
func (p *Prober) Run(ctx context.Context, requests []Request) ([]Outcome, error) {
	outcomes := make([]Outcome, len(requests))
	for i, request := range requests {
		outcomes[i] = Outcome{Place: request.Place, Node: request.Node}
	}
	v, err := p.visit(ctx)
	if err != nil {
		for i := range outcomes {
			outcomes[i].Err = err
		}
		return outcomes, nil
	}
	var all sync.WaitGroup
	for i, request := range requests {
		all.Go(func() { v.run(ctx, i, request, &outcomes[i]) })
	}
	all.Wait()
	return outcomes, v.clean(ctx)
}

// visit is one run of a Prober in one cluster.
type visit struct {
	*Prober
	namespace string
	id        string
	stock     stock
	mutex     sync.Mutex
	made      []object
	programs  map[string]*program
}

func (p *Prober) visit(ctx context.Context) (*visit, error) {
	namespace, err := p.namespace(ctx)
	if err != nil {
		return nil, err
	}
	found, err := takeStock(ctx, p.Client, namespace)
	if err != nil {
		return nil, err
	}
	id := strings.ToLower(rand.Text()[:8])
	return &visit{Prober: p, namespace: namespace, id: id, stock: found, programs: map[string]*program{}}, nil
}

func (p *Prober) namespace(ctx context.Context) (string, error) {
	if p.Namespace != "" {
		return p.Namespace, nil
	}
	_, err := p.Client.CoreV1().Namespaces().Get(ctx, fairlead.AgentNamespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return metav1.NamespaceSystem, nil
	case err == nil, apierrors.IsForbidden(err):
		return fairlead.AgentNamespace, nil
	}
	return "", refusal(ctx, fmt.Sprintf("read namespace %s", fairlead.AgentNamespace), err)
}

// run tries the images that the node has, one after another.
func (v *visit) run(ctx context.Context, number int, request Request, outcome *Outcome) {
	node, err := v.stock.choose(request.Node)
	if err != nil {
		outcome.Err = err
		return
	}
	outcome.Node = node.name
	parts, err := v.bring(ctx, node.arch)
	if err != nil {
		outcome.Err = err
		return
	}
	mounts := request.Place == Node && request.Plan.Kernel != nil
	for i := 0; i < len(node.images); {
		outcome.Image = node.images[i]
		job := job{name: fmt.Sprintf("%s-%s-%d-%d", LabelValue, v.id, number, i), node: node, parts: parts, image: node.images[i], request: request}
		if mounts {
			job.name += "-host"
			job.folder = modulesLoad
		}
		outcome.Result, outcome.Err = v.attempt(ctx, job)
		var cannot *CannotRun
		switch {
		case mounts && errors.As(outcome.Err, &cannot) && cannot.Reason == Mount:
			mounts = false // the node has no such folder; all else can be seen without it
		case errors.As(outcome.Err, &cannot) && cannot.Reason == NoImage:
			i++
		default:
			return
		}
	}
}

// attempt runs the plan in one image.
func (v *visit) attempt(ctx context.Context, job job) (wire.Result, error) {
	plan := job.request.Plan
	if plan.Kernel != nil {
		paths := *plan.Kernel
		plan.Kernel = &paths
		if job.folder != "" {
			paths.ModulesLoad = []string{hostFolder + job.folder}
		}
	}
	if err := v.createPlan(ctx, job, plan); err != nil {
		return wire.Result{}, err
	}
	if err := v.createPod(ctx, job); err != nil {
		return wire.Result{}, err
	}
	pod, err := v.await(ctx, job)
	if err != nil {
		v.remove(ctx, object{pods, job.name})
		return wire.Result{}, err
	}
	result, err := v.read(ctx, pod)
	if result.Kernel != nil && job.request.Place == Node && job.folder == "" {
		result.Kernel.Errors = map[string]string{modulesLoad: "the node has no such folder"}
	}
	return result, err
}

// createPod makes the pod, and sees to it that nobody has changed it into one that pulls.
func (v *visit) createPod(ctx context.Context, job job) error {
	var made *corev1.Pod
	err := v.create(ctx, object{pods, job.name}, func(ctx context.Context) (err error) {
		made, err = v.Client.CoreV1().Pods(v.namespace).Create(ctx, v.pod(job), metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	for _, container := range made.Spec.Containers {
		if container.Name == containerName && container.ImagePullPolicy != corev1.PullNever {
			return &CannotRun{Policy, fmt.Sprintf("the cluster changes imagePullPolicy of new pods from Never to %s, so that a probe would pull its image", container.ImagePullPolicy)}
		}
	}
	return nil
}
