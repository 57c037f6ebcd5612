package aadproxy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/agent/aadproxy/policy"
)

const (
	reviewTimeout = 10 * time.Second
	// A token that was withdrawn is refused by the API server at once; this is only for whom the policy takes it.
	reviewLife  = time.Minute
	maxReviewed = 1000
	bearer      = "Bearer "
)

// reviewer asks the API server whose a token is, for the policy of the cluster's owner.
type reviewer struct {
	reviews authenticationclient.TokenReviewInterface
	now     func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]reviewed
}

type reviewed struct {
	subject *policy.Subject
	until   time.Time
}

func newReviewer(config *rest.Config, now func() time.Time) (*reviewer, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.ContentType = -1, runtime.ContentTypeJSON
	client, err := authenticationclient.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("prepare reviews of tokens: %w", err)
	}
	return &reviewer{reviews: client.TokenReviews(), now: now, known: map[[sha256.Size]byte]reviewed{}}, nil
}

// review returns whose the token of an Authorization header is.
func (r *reviewer) review(ctx context.Context, authorization string) (*policy.Subject, error) {
	if !foldedPrefix(authorization, bearer) {
		return nil, unauthorized("the cluster's tokens are given as Bearer")
	}
	token := strings.TrimSpace(authorization[len(bearer):])
	key := sha256.Sum256([]byte(token))
	if found := r.lookup(key); found != nil {
		return found, nil
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	answer, err := r.reviews.Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	switch {
	case errors.Is(err, context.Canceled):
		return nil, err
	case err != nil:
		return nil, unreachable("kube-aad-proxy cannot ask the API server whose the token is: " + err.Error())
	case !answer.Status.Authenticated:
		return nil, unauthorized("the cluster does not accept this token")
	}
	found := subjectOf(answer.Status.User)
	r.remember(key, found)
	return found, nil
}

func subjectOf(user authenticationv1.UserInfo) *policy.Subject {
	found := &policy.Subject{User: user.Username, Groups: user.Groups}
	if account, is := strings.CutPrefix(user.Username, "system:serviceaccount:"); is {
		found.ServiceAccount = strings.Replace(account, ":", "/", 1)
	}
	return found
}

func (r *reviewer) lookup(key [sha256.Size]byte) *policy.Subject {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, ok := r.known[key]; ok && r.now().Before(found.until) {
		return found.subject
	}
	return nil
}

func (r *reviewer) remember(key [sha256.Size]byte, subject *policy.Subject) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxReviewed {
		clear(r.known)
	}
	r.known[key] = reviewed{subject, r.now().Add(reviewLife)}
}
