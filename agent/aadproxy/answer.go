package aadproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
	"github.com/fairlead/fairlead/lastword"
)

// maxForbidden bounds what is read of a refusal of the API server's.
const maxForbidden = 64 << 10

// answered prepares an answer of the API server's for the caller.
func (p passage) answered(ctx context.Context, answer *http.Response) error {
	stripAnswer(answer.Header)
	if p.open != nil && p.open.judge.azureRBAC && answer.StatusCode == http.StatusForbidden {
		return p.open.advise(answer)
	}
	if lastword.Watches(answer, answer.Request.URL.Path) {
		answer.Body = lastword.Body(answer.Body, func(err error) *lastword.Status { return farewell(ctx, err) })
	}
	return nil
}

// farewell says why a watch ends, nil when the hub does not wait for it any more.
func farewell(ctx context.Context, err error) *lastword.Status {
	var told refusal
	switch {
	case errors.As(context.Cause(ctx), &told):
	case ctx.Err() != nil, errors.Is(err, io.EOF):
		return nil
	default:
		told = unreachable("the API server of the cluster has broken this watch off: start it again (" + err.Error() + ")")
	}
	made := lastword.Failure(told.code, string(told.reason), told.message)
	if told.why == caller.ReasonUnknownCaller || told.why == caller.ReasonAPIServer { // which pass
		made.Code, made.Reason = http.StatusServiceUnavailable, string(metav1.StatusReasonServiceUnavailable)
	}
	return &made
}

// advise adds to a refusal of the API server's which role at the hub would have let the request through. Others than its
// authorizer refuse as well, such as quotas: there no role helps. Of a namespace that cannot exist, whose name might be meant for
// the shell of whoever types what is advised, nothing is said.
func (o *stream) advise(answer *http.Response) error {
	if kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";"); kind != "application/json" || answer.Header.Get("Content-Encoding") != "" {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxForbidden))
	if err != nil {
		_ = answer.Body.Close() // nothing of it is passed on
		return fmt.Errorf("read a refusal of the API server: %w", err)
	}
	var told metav1.Status
	if understood := json.Unmarshal(text, &told) == nil; !understood || !o.refusedByRBAC(told) {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(text), answer.Body), answer.Body}
		return nil
	}
	_ = answer.Body.Close() // it is replaced
	told.Message += ". " + o.advice()
	if text, err = json.Marshal(told); err != nil {
		return fmt.Errorf("write a refusal: %w", err)
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

func (o *stream) refusedByRBAC(told metav1.Status) bool {
	place := o.asked.Namespace
	return strings.Contains(told.Message, fmt.Sprintf("User %q cannot ", o.as.User)) && (place == "" || len(validation.IsDNS1123Label(place)) == 0)
}

// advice says which role would let the request through, and how it is given. Where the hub's roles have let it through and the
// role of Kubernetes' own that follows is not enough, only the highest is.
func (o *stream) advice() string {
	role, scope := dataaction.RoleFor(o.asked.Request), o.judge.cluster.String()
	if o.level != dataaction.Refused {
		role = dataaction.RoleClusterAdmin()
	}
	if o.asked.Namespace != "" {
		scope += "/namespaces/" + o.asked.Namespace
	}
	return fmt.Sprintf("With azure-rbac a role at the hub would allow it. Somebody who may give roles there can type: "+
		"fairlead role assignment create --assignee %s --role %q --scope %s", o.as.Subject, role.Name, scope)
}
