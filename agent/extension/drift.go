package extension

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/helm"
)

const (
	// How often what runs is compared with what was installed, and how long that may take.
	driftEvery = 5 * time.Minute
	driftFor   = 2 * time.Minute
)

// compare looks whether the objects are as they were installed, and writes down those that are not. It mends nothing: who has
// changed them may have had a reason. The next generation of the extension does.
func (o *operation) compare(ctx context.Context, known helm.Versions) error {
	ctx, cancel := context.WithTimeout(ctx, driftFor)
	defer cancel()
	drift, err := o.drift(ctx, known)
	if err != nil {
		return err
	}
	if slices.Equal(drift, o.state.Drift) {
		return nil
	}
	o.state.Drift = drift
	o.Log.InfoContext(ctx, "objects of an extension are not as they were installed", slog.String("extension", o.object.Name), slog.Int("objects", len(drift)))
	return o.write(ctx)
}

func (o *operation) drift(ctx context.Context, known helm.Versions) ([]fairlead.ExtensionDrift, error) {
	release, err := o.cluster.Open(ctx, o.waiting, o.object.Spec.ReleaseNamespace, o.object.Spec.ReleaseName, helm.NoProgress)
	if err != nil {
		return nil, err
	}
	history, err := release.History()
	if err != nil {
		return nil, err
	}
	good := helm.Good(history)
	if good == nil || !o.mine(good) {
		return []fairlead.ExtensionDrift{{Object: "Release/" + o.object.Spec.ReleaseNamespace + "/" + o.object.Spec.ReleaseName, What: "it is missing"}}, nil
	}
	return release.Drift(good, known)
}
