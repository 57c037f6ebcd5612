package extension

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clients "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// A process that is cut off stops before another one may begin, as far as clocks run at about the same speed.
const (
	leaseFor   = 15 * time.Second
	renewFor   = 10 * time.Second
	renewEvery = 2 * time.Second
)

// ProcessName names this process in the Lease. In a pod the first part is the pod's, and the second always the same: the kubelet
// starts a container again only when the one before is no more.
func ProcessName() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("ask for the name of this host: %w", err)
	}
	return host + "/" + strconv.Itoa(os.Getpid()), nil
}

// lead runs work whenever this process holds the Lease, until the end of ctx. A pod that waits for the Lease is as well as one
// that has it.
func (m *Manager) lead(ctx context.Context, work func(context.Context) error) error {
	client, err := clients.NewForConfig(m.API)
	if err != nil {
		return fmt.Errorf("prepare the client of the Lease: %w", err)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta: metav1.ObjectMeta{Name: manager, Namespace: m.Namespace}, Client: client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: m.Process},
	}
	m.Ready(nil)
	for ctx.Err() == nil {
		if err := m.inherit(ctx); err != nil && !apierrors.IsNotFound(err) {
			m.Log.WarnContext(ctx, "cannot read who installs extensions", slog.String("error", err.Error()))
		}
		if err := m.term(ctx, lock, work); err != nil {
			return err
		}
		if err := pace.Wait(ctx, pace.Jitter(time.Second), nil); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// term waits for the Lease and works as long as it is held. The Lease is given back when nothing is being done any more.
func (m *Manager) term(ctx context.Context, lock resourcelock.Interface, work func(context.Context) error) error {
	holding, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	var leading atomic.Bool
	defer context.AfterFunc(ctx, func() {
		if !leading.Load() {
			release()
		}
	})()
	done := make(chan error, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: leaseFor, RenewDeadline: renewFor, RetryPeriod: renewEvery, ReleaseOnCancel: true, Name: manager,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(held context.Context) {
				leading.Store(true)
				defer release()
				held, stop := context.WithCancel(held)
				defer context.AfterFunc(ctx, stop)()
				m.Log.InfoContext(ctx, "this process installs extensions", slog.String("process", m.Process))
				done <- work(held)
			},
			OnStoppedLeading: func() {},
			OnNewLeader: func(holder string) {
				if holder != m.Process {
					m.Log.InfoContext(ctx, "another process installs extensions", slog.String("process", holder))
				}
			},
		},
	})
	if err != nil {
		return fmt.Errorf("prepare the Lease: %w", err)
	}
	elector.Run(holding)
	if leading.Load() {
		if err := <-done; ctx.Err() == nil {
			m.Log.WarnContext(ctx, "work on extensions stops until the Lease is had again", slog.String("error", err.Error()))
		}
	}
	return ctx.Err()
}

// inherit takes the Lease from a process of this host that is no more, which would otherwise be waited for.
func (m *Manager) inherit(ctx context.Context) error {
	var lease coordinationv1.Lease
	if err := m.Kube.Get(ctx, kube.Leases(m.Namespace), manager, &lease); err != nil {
		return err
	}
	if lease.Spec.HolderIdentity == nil || !ended(*lease.Spec.HolderIdentity, m.Process) {
		return nil
	}
	return m.Kube.Merge(ctx, kube.Leases(m.Namespace), manager, manager, map[string]any{
		"metadata": map[string]any{"resourceVersion": lease.ResourceVersion}, "spec": map[string]any{"holderIdentity": ""},
	})
}

// ended reports whether a process is known not to run any more: it was one of this host.
func ended(holder, self string) bool {
	host, number, found := strings.Cut(holder, "/")
	ours, _, _ := strings.Cut(self, "/")
	id, err := strconv.Atoi(number)
	if !found || err != nil || host != ours || holder == self {
		return false
	}
	process, err := os.FindProcess(id)
	return err != nil || errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
