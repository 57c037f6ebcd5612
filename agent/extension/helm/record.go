package helm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// History returns the release's revisions, oldest first; none when there is no release.
func (r *Release) History() ([]*releasev1.Release, error) {
	found, err := r.config.Releases.History(r.Name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of release %s: %w", r.Name, err)
	}
	history := make([]*releasev1.Release, 0, len(found))
	for _, one := range found {
		revision, ok := one.(*releasev1.Release)
		if !ok {
			return nil, fmt.Errorf("read the record of release %s: it is a %T", r.Name, one)
		}
		history = append(history, revision)
	}
	slices.SortFunc(history, func(a, b *releasev1.Release) int { return cmp.Compare(a.Version, b.Version) })
	return history, nil
}

// Good returns the newest revision that ran: one that is deployed, or else one that was. It is nil when there is none.
func Good(history []*releasev1.Release) *releasev1.Release {
	for _, status := range []common.Status{common.StatusDeployed, common.StatusSuperseded} {
		for _, revision := range slices.Backward(history) {
			if revision.Info.Status == status {
				return revision
			}
		}
	}
	return nil
}

// Fail marks a revision whose Helm has been interrupted as failed, which is what Helm itself would have done.
func (r *Release) Fail(revision *releasev1.Release, why string) error {
	return r.Mark(revision, common.StatusFailed, why)
}

// Mark gives a revision another status.
func (r *Release) Mark(revision *releasev1.Release, status common.Status, why string) error {
	revision.SetStatus(status, why)
	if err := r.config.Releases.Update(revision); err != nil {
		return fmt.Errorf("mend the record of release %s: %w", r.Name, err)
	}
	return nil
}

// Supersede marks revisions that count as deployed beside a newer one that is.
func (r *Release) Supersede(history []*releasev1.Release) error {
	good := Good(history)
	for _, revision := range history {
		if revision.Info.Status != common.StatusDeployed || revision == good {
			continue
		}
		revision.Info.Status = common.StatusSuperseded
		if err := r.config.Releases.Update(revision); err != nil {
			return fmt.Errorf("mend the record of release %s: %w", r.Name, err)
		}
	}
	return nil
}

// Purge removes the record of a release.
func (r *Release) Purge() error {
	history, err := r.History()
	if err != nil {
		return err
	}
	for _, revision := range history {
		if _, err := r.config.Releases.Delete(r.Name, revision.Version); err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
			return fmt.Errorf("remove the record of release %s: %w", r.Name, err)
		}
	}
	return nil
}

// Writer tells who wrote the record of a revision last, and when, as far as the API server knows.
func (r *Release) Writer(revision *releasev1.Release) (who string, when time.Time) {
	who, when = "an unknown program", revision.Info.LastDeployed
	clients, err := kubernetes.NewForConfig(r.bound())
	if err != nil {
		return who, when
	}
	name := fmt.Sprintf("sh.helm.release.v1.%s.v%d", r.Name, revision.Version)
	secret, err := clients.CoreV1().Secrets(r.Namespace).Get(r.ctx, name, metav1.GetOptions{})
	if err != nil {
		return who, when
	}
	for _, entry := range secret.ManagedFields {
		if entry.Time != nil && !entry.Time.Time.Before(when.Truncate(time.Second)) {
			who, when = strings.TrimSpace(entry.Manager), entry.Time.Time
		}
	}
	return who, when
}
