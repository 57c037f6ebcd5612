package clusteridentity

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

// arcCertificate says what became of a certificate that an agent serves with. That of kube-aad-proxy is where az looks when
// it troubleshoots a cluster.
type arcCertificate struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`

	Status *certificateStatus `json:"status,omitempty"`
}

type certificateStatus struct {
	State          string `json:"state"`
	Message        string `json:"message"`
	ExpirationTime string `json:"expirationTime,omitempty"`
}

// notNeeded is the state of a certificate with which nobody serves.
const notNeeded = "NotNeeded"

// describe is the status of the certificates that are stored now.
func (k *ProxyKeeper) describe(certificates pair, err error) certificateStatus {
	switch {
	case k.Connect == NotConnected:
		return certificateStatus{State: notNeeded, Message: "cluster connect is switched off, so that kube-aad-proxy does not run"}
	case k.Connect == InOneProcess:
		return certificateStatus{State: notNeeded, Message: "kube-aad-proxy and clusterconnect-agent run in one process, between which nothing is sent"}
	case err != nil:
		return certificateStatus{State: stateFailed, Message: err.Error()}
	}
	return certificateStatus{
		State: stateSucceeded, Message: "the certificates between kube-aad-proxy and clusterconnect-agent are valid",
		ExpirationTime: certificates.server.NotAfter.UTC().Format(time.RFC3339),
	}
}

// publish writes the status when there is news.
func (k *ProxyKeeper) publish(ctx context.Context, told certificateStatus) error {
	if told == k.told {
		return nil
	}
	where := kube.ArcCertificates(k.Namespace)
	object := arcCertificate{
		TypeMeta: where.TypeMeta("ArcCertificate"), Metadata: metav1.ObjectMeta{Name: fairlead.KubeAADProxy, Namespace: k.Namespace},
	}
	if _, err := k.Kube.Apply(ctx, where, fairlead.KubeAADProxy, manager, object); err != nil {
		return err
	}
	object.Status = &told
	if _, err := k.Kube.Apply(ctx, where, fairlead.KubeAADProxy, manager, object, "status"); err != nil {
		return err
	}
	k.told = told
	return nil
}
