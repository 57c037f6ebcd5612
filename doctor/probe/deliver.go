package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/probe/loader"
	"github.com/fairlead/fairlead/doctor/probe/payload"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	partSize  = 900 << 10 // a ConfigMap holds 1 MiB
	partKey   = "part"
	loaderKey = "loader"
	planKey   = "plan.json"
	// What has been asked for is waited for, even when the caller has gone: a request that is cut may still be obeyed, after
	// everything has been taken away.
	requestTime  = 15 * time.Second
	planOverhead = 60 * time.Second
)

// program is on its way into the cluster, once for an architecture.
type program struct {
	once  sync.Once
	parts int
	err   error
}

// bring puts the program for an architecture into the cluster, unless it is there, and says in how many parts.
func (v *visit) bring(ctx context.Context, arch string) (int, error) {
	v.mutex.Lock()
	p, found := v.programs[arch]
	if !found {
		p = &program{}
		v.programs[arch] = p
	}
	v.mutex.Unlock()
	p.once.Do(func() { p.parts, p.err = v.deliver(ctx, arch) })
	return p.parts, p.err
}

func (v *visit) deliver(ctx context.Context, arch string) (int, error) {
	build := v.Program
	if build == nil {
		build = payload.Program
	}
	code, err := build(arch)
	if err != nil {
		return 0, &CannotRun{NoProgram, err.Error()}
	}
	parts := slices.Collect(slices.Chunk(code, partSize))
	start, err := loader.ELF(arch, len(parts))
	if err != nil {
		return 0, &CannotRun{NoProgram, err.Error()}
	}
	// The first, small one meets quotas and policies before megabytes are sent, and tells the server's time.
	now, err := v.put(ctx, v.loaderName(arch), loaderKey, start)
	if err != nil {
		return 0, err
	}
	v.sweep(ctx, now)
	errs := make([]error, len(parts))
	var all sync.WaitGroup
	for i, part := range parts {
		all.Go(func() { _, errs[i] = v.put(ctx, v.partName(arch, i), partKey, part) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return len(parts), nil
}

func (v *visit) put(ctx context.Context, name, key string, data []byte) (now time.Time, err error) {
	wanted := &corev1.ConfigMap{ObjectMeta: v.meta(name), Immutable: new(true), BinaryData: map[string][]byte{key: data}}
	err = v.create(ctx, object{configMaps, name}, func(ctx context.Context) error {
		made, err := v.Client.CoreV1().ConfigMaps(v.namespace).Create(ctx, wanted, metav1.CreateOptions{})
		if err == nil {
			now = made.CreationTimestamp.Time
		}
		return err
	})
	return now, err
}

func (v *visit) createPlan(ctx context.Context, job job, plan wire.Plan) error {
	data, err := plan.Encode()
	if err != nil {
		return err
	}
	if plan.Secret() {
		return v.create(ctx, object{secrets, job.name}, func(ctx context.Context) error {
			_, err := v.Client.CoreV1().Secrets(v.namespace).Create(ctx, v.planSecret(job, data), metav1.CreateOptions{})
			return err
		})
	}
	return v.create(ctx, object{configMaps, job.name}, func(ctx context.Context) error {
		_, err := v.Client.CoreV1().ConfigMaps(v.namespace).Create(ctx, v.planMap(job, data), metav1.CreateOptions{})
		return err
	})
}

// create notes what is to be taken away before it makes it, and makes nothing for a caller who has gone.
func (v *visit) create(ctx context.Context, what object, do func(context.Context) error) error {
	doing := fmt.Sprintf("create %s %s/%s", what.kind, v.namespace, what.name)
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	v.mutex.Lock()
	v.made = append(v.made, what)
	v.mutex.Unlock()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	if err := do(limited); err != nil {
		return refusal(ctx, doing, err)
	}
	return nil
}

func (v *visit) partName(arch string, i int) string {
	return fmt.Sprintf("%s-%s-%s-%02d", LabelValue, v.id, arch, i)
}

func (v *visit) loaderName(arch string) string {
	return fmt.Sprintf("%s-%s-%s-loader", LabelValue, v.id, arch)
}

func (j job) whole() time.Duration {
	if j.request.Plan.Whole > 0 {
		return j.request.Plan.Whole
	}
	return planOverhead
}
