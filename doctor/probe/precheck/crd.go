package precheck

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/probe/kubeapi"
)

// metadataOnly asks for an object without its schema.
const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// Getter reads from the API server.
type Getter interface {
	Get(ctx context.Context, path, accept string, v any) error
}

type object struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
}

// WriteCRDs prints a line for each of the named custom resource definitions that Helm would refuse to take over for the agents.
// One that cannot be looked at is told, and held against nobody.
func WriteCRDs(ctx context.Context, api Getter, names []string, out io.Writer) error {
	for _, name := range names {
		var found object
		err := api.Get(ctx, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"+name, metadataOnly, &found)
		line := ""
		var refusal kubeapi.Refusal
		switch {
		case errors.As(err, &refusal) && refusal.Status == http404:
		case err != nil:
			line = fmt.Sprintf("%s could not be looked at: %s\n", name, plain(err.Error()))
		default:
			line = found.conflict(name)
		}
		if _, err := io.WriteString(out, line); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
	}
	return nil
}

// http404 is here because net/http, which has it, is larger than the probe.
const http404 = 404

func (o object) conflict(name string) string {
	release := o.Metadata.Annotations["meta.helm.sh/release-name"]
	namespace := o.Metadata.Annotations["meta.helm.sh/release-namespace"]
	switch {
	case o.Metadata.Labels["app.kubernetes.io/managed-by"] != "Helm" || release == "":
		return fmt.Sprintf("Check Failed: CRD %s is there and belongs to no Helm release, so that the agents' cannot take it over; when nothing uses it, "+
			"delete it: kubectl delete crd %s\n", name, name)
	case release != fairlead.ReleaseName || namespace != fairlead.ReleaseNamespace:
		return fmt.Sprintf("Check Failed: CRD %s belongs to Helm release %s in namespace %s; uninstall that first: helm uninstall %s -n %s\n",
			name, plain(release), plain(namespace), plain(release), plain(namespace))
	}
	return ""
}
