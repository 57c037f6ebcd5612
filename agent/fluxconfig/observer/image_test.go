package observer

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// watching is a configuration that has applied the three objects that follow an image.
func watching(repository, policy, automation *Object) view {
	apps := flux("Kustomization", "web-apps", "True", "ReconciliationSucceeded", "")
	apps.Status.Inventory = &Inventory{Entries: []Entry{
		{"shops_till_image.toolkit.fluxcd.io_ImageRepository"}, {"shops_till_image.toolkit.fluxcd.io_ImagePolicy"}, {"shops_till_image.toolkit.fluxcd.io_ImageUpdateAutomation"},
	}}
	return seen(fetched(), flux("Kustomization", "web-infra", "True", "ReconciliationSucceeded", ""), apps, repository, policy, automation)
}

func TestImagesOfAConfigurationCount(t *testing.T) {
	scanned, chosen := flux(imageRepository, "till", "True", "Succeeded", "successful scan"), flux(imagePolicy, "till", "True", "Succeeded", "")
	pushed := flux(imageAutomation, "till", "True", "Succeeded", "repository up-to-date")
	refused := flux(imageRepository, "till", "False", "ReadOperationFailed", "scan failed: GET https://r/v2/till/tags/list: UNAUTHORIZED: authentication required")
	waits := flux(imagePolicy, "till", "False", "DependencyNotReady", "retrying in 30s error: no tags in database")
	readOnly := flux(imageAutomation, "till", "False", "GitOperationFailed", "failed to update source: failed to push to remote: authentication required: who are you?")
	for name, c := range map[string]struct {
		view              view
		compliance, words string
	}{
		"Followed":      {watching(scanned, chosen, pushed), fairlead.FluxCompliant, ""},
		"NotScannedYet": {watching(flux(imageRepository, "till", "", "", ""), waits, pushed), fairlead.FluxPending, ""},
		"Refused":       {watching(refused, waits, pushed), fairlead.FluxNonCompliant, "ImageRepository shops/till: scan failed"},
		"MayNotPush":    {watching(scanned, chosen, readOnly), fairlead.FluxNonCompliant, "ImageUpdateAutomation shops/till: failed to update source"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.view.judge(configured(nothing))
			if got.ComplianceState != c.compliance || !strings.HasPrefix(got.ErrorMessage, c.words) || len(got.Statuses) != 6 {
				t.Errorf("%s with %d statuses, %q", got.ComplianceState, len(got.Statuses), got.ErrorMessage)
			}
		})
	}
}

// A registry is looked at every few minutes, and each time its object says so for a moment.
func TestALookAtARegistryIsNoNews(t *testing.T) {
	scans := func(status string) []string {
		o := flux(imageRepository, "till", status, "Succeeded", "successful scan")
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{Type: reconciling, Status: metav1.ConditionTrue, Message: "scanning: triggered by interval"})
		var types []string
		for _, c := range o.report(o.compliance(), nil).Conditions {
			types = append(types, c.Type)
		}
		return types
	}
	if got := scans("True"); !slices.Equal(got, []string{ready}) {
		t.Errorf("of one that is ready: %q", got)
	}
	if got := scans("False"); !slices.Equal(got, []string{ready, reconciling}) {
		t.Errorf("of one that fails: %q", got)
	}
}

func TestAdviceOnImages(t *testing.T) {
	for _, c := range []struct{ kind, message, want string }{
		{imageRepository, `scan failed: GET https://r/v2/till/tags/list: UNAUTHORIZED: authentication required`, "spec.secretRef"},
		{imageRepository, `scan failed: GET https://ghcr.io/token: DENIED: requested access to the resource is denied`, "spec.secretRef"},
		{imageRepository, `scan failed: Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`, "trust.caBundle"},
		{imageRepository, `scan failed: GET https://r/v2/x/tags/list: NAME_UNKNOWN: this hub does not serve x`, "spec.image"},
		{imageRepository, `failed to configure authentication options: secrets "door" not found`, "make it there"},
		{imageRepository, `scan failed: Get "https://r/v2/": dial tcp: lookup r on 10.96.0.10:53: no such host`, "doctor NET"},
		{imagePolicy, `unable to determine latest version from provided list`, "No tag"},
		{imagePolicy, `failed to get the referred ImageRepository: cannot access 'ImageRepository/shops/till', cross-namespace references have been blocked`, "multiTenancy"},
		{imageAutomation, `failed to update source: failed to push to remote: authorization failed`, "may not push"},
		{imageAutomation, `failed to checkout source: unable to clone 'https://x': authentication required`, "--https-key"},
	} {
		if got := (fault{Object: flux(c.kind, "till", "False", "", c.message)}).advice(c.message); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s: %q, want one with %q", c.kind, c.message, got, c.want)
		}
	}
}

// What to type has the names of the object.
func TestAdviceOnTheCredentialsOfAnImage(t *testing.T) {
	const refuses, lacks = `scan failed: UNAUTHORIZED: authentication required`, `failed to configure authentication options: secrets "door" not found`
	repository := flux(imageRepository, "till", "False", "", "")
	repository.Spec.Image = "registry.example.org:5000/shop/till"
	if got := (fault{Object: repository}).advice(refuses); !strings.Contains(got, "kubectl create secret docker-registry till -n shops --docker-server=registry.example.org:5000 ") {
		t.Errorf("without any it is advised: %s", got)
	}
	repository.Spec.SecretRef = &Reference{Name: "door"}
	if got := (fault{Object: repository}).advice(lacks); !strings.Contains(got, "kubectl create secret docker-registry door -n shops ") {
		t.Errorf("without the Secret it is advised: %s", got)
	}
	if got := (fault{Object: repository}).advice(`failed to configure TLS: secrets "authority" not found`); !strings.HasSuffix(got, "make it there.") {
		t.Errorf("without the Secret of the authority it is advised: %s", got)
	}
	if got := (fault{Object: repository}).advice(refuses); !strings.Contains(got, "in Secret shops/door: kubectl create secret docker-registry door -n shops ") || !strings.HasSuffix(got, "| kubectl apply -f -.") {
		t.Errorf("with wrong ones it is advised: %s", got)
	}
}

// Flux leaves in an object what it last said of it, also when nobody works on it any more.
func TestAControllerThatDoesNotRunIsSaid(t *testing.T) {
	all := watching(flux(imageRepository, "till", "True", "Succeeded", "successful scan"), flux(imagePolicy, "till", "", "", ""), flux(imageAutomation, "till", "True", "Succeeded", ""))
	told := func(running map[string]bool) fairlead.FluxState {
		for _, object := range all {
			object.lacks(running)
		}
		return all.judge(configured(nothing))
	}
	got := told(map[string]bool{fluxconfig.ImageAutomation: true})
	const want = "ImageRepository shops/till: image-reflector-controller does not run"
	if got.ComplianceState != fairlead.FluxNonCompliant || !strings.HasPrefix(got.ErrorMessage, want) || !strings.Contains(got.ErrorMessage, "--config image-reflector-controller.enabled=true") {
		t.Errorf("%s: %q", got.ComplianceState, got.ErrorMessage)
	}
	if last := got.Statuses[5]; last.Kind != imageAutomation || last.ComplianceState != fairlead.FluxCompliant {
		t.Errorf("what is worked on is told as %+v", last)
	}
	all[key(imageRepository, "shops", "till")].Spec.Suspend = true
	if got := told(map[string]bool{fluxconfig.ImageAutomation: true}); !strings.HasPrefix(got.ErrorMessage, "ImagePolicy shops/till: ") {
		t.Errorf("of one that is suspended: %q", got.ErrorMessage)
	}
	if got := told(map[string]bool{fluxconfig.ImageAutomation: true, fluxconfig.ImageReflector: true}); got.ComplianceState != fairlead.FluxPending {
		t.Errorf("with all that run: %s, %q", got.ComplianceState, got.ErrorMessage)
	}
}
