package azcloud

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Facts are what the steps depend on besides the cloud itself. Empty ones become words in capitals to replace.
type Facts struct {
	Name     string // of the cloud at az
	TenantID string
	AppID    string
	CAFile   string // none when the hub's certificate is publicly trusted
	Address  string // of the hub's machine
}

// Setup is what somebody does to use az with a hub, in this order.
type Setup struct {
	ResourceManager string    `json:"resourceManager"`
	LoginEndpoint   string    `json:"loginEndpoint"`
	Registry        string    `json:"registry"`
	Hosts           []string  `json:"hosts"`
	Steps           []Step    `json:"steps"`
	Warnings        []Warning `json:"warnings"`
}

// Step is something to do: why, and the lines to type or to write.
type Step struct {
	Title string   `json:"title"`
	Why   string   `json:"why"`
	Lines []string `json:"lines"`
}

// Warning is something that will not work: what, why, and what to do about it.
type Warning struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Next string `json:"next"`
}

const publicRegistry = "mcr.microsoft.com"

// Plan returns the steps and warnings for a cloud.
func Plan(cloud Cloud, facts Facts) Setup {
	login := cloud.LoginEndpoint()
	setup := Setup{
		ResourceManager: cloud.Base(ResourceManager), LoginEndpoint: login, Registry: RegistryOf(login),
		Hosts: cloud.Hosts(), Warnings: warnings(cloud, facts),
	}
	facts = facts.orWords()
	if named := unresolved(setup.Hosts); len(named) > 0 {
		setup.Steps = append(setup.Steps, names(named, facts))
	}
	if facts.CAFile != "" {
		setup.Steps = append(setup.Steps, trust(facts.CAFile))
	}
	setup.Steps = append(setup.Steps, register(cloud, setup.ResourceManager, facts), signIn(cloud, facts), tools(setup.Registry))
	return setup
}

func (f Facts) orWords() Facts {
	for _, one := range []struct {
		value *string
		word  string
	}{{&f.Name, "fairlead"}, {&f.TenantID, "TENANT_ID"}, {&f.AppID, "APP_ID"}, {&f.Address, "HUB_ADDRESS"}} {
		if *one.value == "" {
			*one.value = one.word
		}
	}
	return f
}

func names(hosts []string, facts Facts) Step {
	return Step{
		Title: "Names", Why: "Make these names lead to the hub, in DNS or in /etc/hosts: on this machine, on the cluster's nodes (registry), and for its pods (all).",
		Lines: []string{facts.Address + "  " + strings.Join(hosts, " ")},
	}
}

// unresolved are the hosts that somebody has to be told the address of.
func unresolved(hosts []string) []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil })
}

func trust(caFile string) Step {
	bundle := strings.TrimSuffix(caFile, filepath.Ext(caFile)) + "-bundle.pem"
	return Step{
		Title: "Trust", Why: "az reads REQUESTS_CA_BUNDLE, helm and kubectl read SSL_CERT_FILE; either replaces the system's authorities, so both get a file with all of them. Leave this out when the hub's certificate is one that every system trusts.",
		Lines: []string{
			"# " + caFile + " is ca.crt of the hub's data folder; where you are signed in: fairlead hub az-setup --ca-out hub-ca.crt",
			"cat /etc/ssl/certs/ca-certificates.crt " + Quote(caFile) + " > " + Quote(bundle),
			"export REQUESTS_CA_BUNDLE=" + lasting(bundle) + " SSL_CERT_FILE=" + lasting(bundle),
		},
	}
}

// lasting is a file as a shell's variables name it, wherever the shell goes.
func lasting(file string) string {
	if filepath.IsAbs(file) {
		return Quote(file)
	}
	return `"$PWD"/` + Quote(file)
}

func register(cloud Cloud, manager string, facts Facts) Step {
	step := Step{
		Title: "Cloud", Why: "az asks the hub for all other addresses.",
		Lines: []string{
			"az cloud register -n " + Quote(facts.Name) + " --endpoint-resource-manager " + manager,
			"az cloud set -n " + Quote(facts.Name),
		},
	}
	if cloud.Login != ADFS {
		step.Why += " Without instance_discovery=false it asks login.microsoftonline.com whether the hub's sign-in is known there, and gives up."
		step.Lines = append(step.Lines, "az config set core.instance_discovery=false")
	}
	return step
}

func signIn(cloud Cloud, facts Facts) Step {
	step := Step{
		Title: "Sign-in", Why: "With a service principal; read asks for its secret without showing it.",
		Lines: []string{
			"read -rs SECRET",
			"az login --service-principal -u " + Quote(facts.AppID) + ` -p "$SECRET" --tenant ` + Quote(facts.TenantID),
		},
	}
	if cloud.Login != ADFS {
		step.Why += " A person signs in with: az login --use-device-code --tenant " + facts.TenantID + "."
	}
	return step
}

// tools says where az finds helm, kubectl and the pre-checks.
func tools(registry string) Step {
	if registry == publicRegistry {
		return Step{
			Title: "Tools", Why: "az derives no registry from this sign-in endpoint and would go to " + publicRegistry + ": the first variable leaves the pre-checks out, the others name what it would fetch from there.",
			Lines: []string{"export AZURE_LOCAL_DISCONNECTED=true", `export HELM_CLIENT_PATH="$(command -v helm)" KUBECTL_CLIENT_PATH="$(command -v kubectl)"`},
		}
	}
	return Step{
		Title: "Tools", Why: "az fetches kubectl from the public internet unless it is told of one, and helm from " + registry + ": push it there once, or export HELM_CLIENT_PATH as well.",
		Lines: []string{
			`export KUBECTL_CLIENT_PATH="$(command -v kubectl)"`,
			"fairlead registry push-file helm-v3.20.1-linux-amd64.tar.gz   # once a hub, from get.helm.sh",
		},
	}
}

func warnings(cloud Cloud, facts Facts) []Warning {
	found := []Warning{}
	address, err := url.Parse(cloud.Base(Login))
	if err != nil {
		return found
	}
	host := address.Hostname()
	if net.ParseIP(host) == nil && strings.Count(host, ".") < 2 {
		found = append(found, Warning{
			"az connectedk8s connect breaks with an index error after its checks", "az takes the sign-in host " + host + " apart and counts on three labels",
			"start the hub with --domain hub.example.org, or with a --url of three labels, as https://hub.example.org",
		})
	}
	found = append(found, derivedRegistry(cloud)...)
	found = append(found, registryPort(cloud)...)
	if strings.EqualFold(facts.Name, "ussec") || strings.EqualFold(facts.Name, "usnat") {
		found = append(found, Warning{"agents get wrong addresses", "az treats clouds of the name " + facts.Name + " in its own way", "give the cloud another name with --name"})
	}
	return found
}

func derivedRegistry(cloud Cloud) []Warning {
	if cloud.Domain == "" || RegistryOf(cloud.LoginEndpoint()) != publicRegistry {
		return nil
	}
	why := fmt.Sprintf("it does so for domains of exactly three labels, and %s has %d", cloud.Domain, strings.Count(cloud.Domain, ".")+1)
	if strings.HasSuffix(cloud.Domain, ".us") || strings.HasSuffix(cloud.Domain, ".cn") {
		why = "it does not for names that end in .us or .cn, which it takes for Microsoft's"
	}
	return []Warning{{"az does not take its pre-checks, helm and proxy program from the hub", "az derives no registry below the domain: " + why, "choose a --domain such as hub.example.org, or keep to the variables below"}}
}

func registryPort(cloud Cloud) []Warning {
	address, err := url.Parse(cloud.Base(Registry))
	if err != nil || address.Port() == "" || address.Port() == "443" {
		return nil
	}
	next := "start the hub with --also-listen :443"
	if cloud.Domain == "" {
		next = "start the hub with --url https://" + address.Hostname() + " --listen :443, or with --domain and --also-listen :443"
	}
	return []Warning{{
		"az connectedk8s connect cannot pull the agents' chart", "az cuts the registry's name at the first colon, so that port " + address.Port() + " is lost and 443 is asked", next,
	}}
}

// Quote writes a word so that a shell takes it as one.
func Quote(word string) string {
	if strings.ContainsAny(word, " \t\n'\"$&;()<>|*?\\`!#~") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
