package cause

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/fairlead/fairlead/doctor/workload"
)

// The guides' words.
const (
	saysDownload = "Unable to download the Helm chart from the repo URL"
	saysRender   = "Helm chart rendering failed with given values"
)

// download is a chart that could not be fetched.
func (i *inquiry) download() {
	i.found.Message, i.found.DoctorID = saysDownload+" "+i.Chart.Repository+": "+i.text, "HLM-06"
	i.found.Target = strings.TrimSuffix(i.Chart.Repository+"/"+i.Chart.Name, "/")
	host := i.host()
	if strings.Contains(i.text, "proxyconnect") {
		i.found.Cause, i.found.DoctorID = fmt.Sprintf("The proxy on the way to %s did not let the agent through; the message says why.", host), "NET-03"
		i.advise("Let the proxy connect the cluster to "+host+", or mirror the chart to the hub's registry: fairlead registry push CHART.tgz",
			"fairlead doctor NET-03 --probe", "kubectl get secret proxy-config -n azure-arc")
		return
	}
	i.notFetched(host)
}

// notFetched is a chart that the way to its repository does not explain.
func (i *inquiry) notFetched(host string) {
	switch workload.PullFailure(i.text, "") {
	case "dns":
		i.found.Cause = fmt.Sprintf("The name %s cannot be resolved in the cluster.", host)
		i.advise("fairlead doctor NET --probe", "Let the cluster's DNS resolve "+host+", or mirror the chart to the hub's registry: fairlead registry push CHART.tgz")
	case "tls":
		i.found.Cause = fmt.Sprintf("%s shows a certificate that the agent does not trust.", host)
		i.advise("fairlead doctor NET-04 --probe", "Give the extension type the certificate of the authority that "+host+" belongs to.")
	case "auth":
		i.found.Cause = fmt.Sprintf("%s asks for credentials, or refuses those that it got.", host)
		i.advise("fairlead extension-type update "+cmp.Or(i.Type, "TYPE")+" --username NAME --password-file FILE --credentials-for-clusters",
			"Then have it fetched once more: fairlead k8s-extension update …",
			"Or make the chart readable for the cluster, or mirror it to the hub's registry: fairlead registry push CHART.tgz")
	case "network":
		i.found.Cause = fmt.Sprintf("%s cannot be reached from the cluster: a firewall, egress rule or missing route stops the connection.", host)
		i.advise("fairlead doctor NET-02 --probe", "Allow connections from the cluster to "+host+", or mirror the chart to the hub's registry: fairlead registry push CHART.tgz")
	case "notFound":
		i.found.Cause = fmt.Sprintf("%s has no chart of that name and version (%s).", host, cmp.Or(i.Version, "none was named"))
		i.advise("helm show chart "+i.reference(), "Choose a version that is there, or correct the extension type's repository.")
	default:
		i.found.Cause = "The chart cannot be fetched from " + host + "; the message says why."
		i.advise("helm show chart " + i.reference())
	}
}

// host is the one that the error is about, which may be another than the repository's, such as where it redirects to.
func (i *inquiry) host() string {
	if m := regexp.MustCompile(`(?:Get|Head|Post) "https?://([^/"]+)`).FindStringSubmatch(i.text); m != nil {
		return m[1]
	}
	if parsed, err := url.Parse(i.Chart.Repository); err == nil && parsed.Host != "" {
		return parsed.Host
	}
	return "the chart's repository"
}

// reference is how helm names the chart.
func (i *inquiry) reference() string {
	text := i.Chart.Repository
	if i.Chart.Name != "" {
		text = i.Chart.Name + " --repo " + i.Chart.Repository
	}
	if i.Version != "" {
		text += " --version " + i.Version
	}
	return text
}

// render is a chart that makes no manifest of the settings.
func (i *inquiry) render() {
	i.found.Message, i.found.DoctorID = saysRender+": "+i.text, "HLM-07"
	place := regexp.MustCompile(`(?:at|in) \(([^:)]+):?(\d*)|template: ([^:\s]+):(\d+)|([\w./-]+\.(?:ya?ml|tpl|txt)):(\d+)|YAML parse error on ([^:\s]+).*line (\d+)`).FindStringSubmatch(i.text)
	where := ""
	if place != nil {
		file, line := cmp.Or(place[1], place[3], place[5], place[7]), cmp.Or(place[2], place[4], place[6], place[8])
		where = " in " + file
		i.found.Target = file
		if line != "" {
			where, i.found.Target = where+", line "+line, file+":"+line
		}
	}
	i.renderCause(where)
}

func (i *inquiry) renderCause(where string) {
	said := regexp.MustCompile(`execution error at \([^)]*\): (.+)$`).FindStringSubmatch(i.text)
	looked := regexp.MustCompile(`lookup "[^"]*" "(\w+)" "([^"]*)" "([^"]+)"`).FindStringSubmatch(i.text)
	missing := regexp.MustCompile(`at <((?:\$|\.)[\w.$]+)>.*nil pointer evaluating`).FindStringSubmatch(i.text)
	switch {
	case looked != nil:
		i.found.Cause = fmt.Sprintf("The chart looks up %s %s%s%s, and this cluster has none: it is for another type of cluster.", looked[1], looked[3], in(looked[2]), where)
		i.advise("kubectl get " + strings.ToLower(looked[1]) + " " + looked[3] + flag(looked[2]))
	case said != nil:
		i.found.Cause = fmt.Sprintf("The chart refuses the settings%s: %s", where, said[1])
		i.advise("Supply what the message asks for as a configuration setting, and update the extension.")
	case strings.Contains(i.text, "schema"):
		i.found.Cause = "Settings do not have the form that the chart's schema asks for."
		i.advise("helm show values " + i.reference())
	case strings.Contains(i.text, "chart requires kubeVersion"):
		i.found.Cause = "This version of the chart is for another version of Kubernetes."
		i.advise("kubectl version", "Choose another version of the extension.")
	case missing != nil:
		i.found.Cause = fmt.Sprintf("The chart uses %s%s, which is not set.", missing[1], where)
		i.advise("Supply the value as a configuration setting: helm show values " + i.reference())
	default:
		i.found.Cause = fmt.Sprintf("The chart's template%s cannot be rendered with these settings.", where)
		i.advise("helm show values " + i.reference())
	}
}

func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

func flag(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " -n " + namespace
}
