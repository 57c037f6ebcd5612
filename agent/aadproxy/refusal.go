package aadproxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/caller"
)

// refusal is an answer of this agent's own, in the shape of the API server's.
type refusal struct {
	code    int
	reason  metav1.StatusReason
	why     string // for ReasonHeader
	message string
}

func (r refusal) Error() string { return r.message }

func unknownCaller(message string) refusal {
	return refusal{http.StatusUnauthorized, metav1.StatusReasonUnauthorized, caller.ReasonUnknownCaller, message}
}

func unauthorized(message string) refusal {
	return refusal{http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "", message}
}

func malformed(message string) refusal {
	return refusal{http.StatusBadRequest, metav1.StatusReasonBadRequest, caller.ReasonMalformed, message}
}

func unreachable(message string) refusal {
	return refusal{http.StatusBadGateway, metav1.StatusReasonServiceUnavailable, caller.ReasonAPIServer, message}
}

func forbidden(message string) refusal {
	return refusal{http.StatusForbidden, metav1.StatusReasonForbidden, caller.ReasonPolicy, message}
}

// Why something that was allowed at its beginning has been ended.
var (
	errUnconfirmed = unknownCaller("the hub has not confirmed this caller for more than two minutes")
	errRightsLost  = unknownCaller("the rights of this caller have changed; try again")
)

// refuse answers a request. Nobody else is told when the caller has gone.
func refuse(w http.ResponseWriter, r refusal) {
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Message: r.message, Reason: r.reason, Code: int32(r.code), //nolint:gosec // a status code
	})
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if r.why != "" {
		w.Header().Set(caller.ReasonHeader, r.why)
	}
	w.WriteHeader(r.code)
	_, _ = w.Write(append(body, '\n'))
}

// refusalOf is what to answer after a request to the API server has failed.
func refusalOf(ctx context.Context, err error) refusal {
	var told refusal
	if errors.As(context.Cause(ctx), &told) || errors.As(err, &told) {
		return told
	}
	return unreachable("kube-aad-proxy cannot reach the API server of the cluster: " + err.Error())
}
