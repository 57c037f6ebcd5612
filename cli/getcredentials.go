package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/arcproxy"
	"github.com/fairlead/fairlead/cli/kubeconfig"
	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

// relayPath is where a hub offers the API servers of connected clusters.
const relayPath = "/kubernetes"

// kubeconfigFlags say where the way to a cluster is written.
type kubeconfigFlags struct {
	file, context string
}

func (f *kubeconfigFlags) offer(command *cobra.Command, contextFlag string) {
	command.Flags().StringVarP(&f.file, "file", "f", "", "kubeconfig to change (default: KUBECONFIG, else ~/.kube/config); - writes a kubeconfig of its own to the output")
	command.Flags().StringVar(&f.context, contextFlag, "", "name of the context (default: the cluster's name)")
}

// mergeResult is what a command says that has changed a kubeconfig.
type mergeResult struct {
	Context string `json:"context"`
	File    string `json:"file"`
	Server  string `json:"server"`
}

func mergeColumns() []column {
	return []column{{title: "Context", path: "context"}, {title: "File", path: "file"}, {title: "Server", path: "server"}}
}

func newGetCredentialsCommand(s *session) *cobra.Command {
	var flags clusterFlags
	var target kubeconfigFlags
	var overwrite bool
	command := &cobra.Command{
		Use: "get-credentials", Short: "Let kubectl reach a connected cluster through the hub",
		Long: `Add a connected cluster to the kubeconfig and make it the current context. kubectl, helm and everything else that reads a
kubeconfig then reach the cluster through the hub, which asks for a role there. What you may do in the cluster is for its own RBAC, unless feature azure-rbac is on;
under which name it knows you, this command says. No process needs to run meanwhile: the
kubeconfig holds no secret, but names this program, which gets tokens with your sign-in (fairlead login).

A context of the same name that leads to another cluster is not replaced, unless with --overwrite-existing.`,
		Example: `  fairlead connectedk8s get-credentials -n edge-1 -g shops
  fairlead connectedk8s get-credentials -n edge-1 -g shops --context edge-north
  fairlead connectedk8s get-credentials -n edge-1 -g shops -f - > edge-1.kubeconfig`,
		RunE: func(command *cobra.Command, _ []string) error {
			existing := kubeconfig.Keep
			if overwrite {
				existing = kubeconfig.Replace
			}
			return s.getCredentials(command.Context(), flags, target, existing)
		},
	}
	nameCluster(command, &flags)
	target.offer(command, "context")
	command.Flags().BoolVar(&overwrite, "overwrite-existing", false, "replace a context of this name, wherever it leads")
	return command
}

func (s *session) getCredentials(ctx context.Context, flags clusterFlags, target kubeconfigFlags, existing kubeconfig.Existing) error {
	hub, id, err := s.locate(ctx, flags)
	if err != nil {
		return err
	}
	// Whoever may not go there learns it here, and not from kubectl.
	if _, err := hub.access(ctx, id, client.AuthenticateAAD); err != nil {
		return err
	}
	cluster := s.warnAway(ctx, hub, id, untilReached)
	user, err := execUser(hub.entry)
	if err != nil {
		return err
	}
	entry := kubeconfig.Entry{
		Name: first(target.context, id.Name()), Server: relayURL(hub.URL, id), Authority: []byte(hub.entry.Authority), User: user, Same: leadsTo(id),
	}
	s.tellKnownAs(ctx, hub, cluster)
	if target.file == "-" {
		return s.printKubeconfig(entry)
	}
	merged, err := kubeconfig.Merge(ctx, target.file, entry, existing)
	if err != nil {
		return taken(err, "--context", "--overwrite-existing")
	}
	return s.tell("Merged \""+entry.Name+"\" as current context in "+merged.File+"\n  kubectl get nodes", mergeResult{entry.Name, merged.File, entry.Server}, mergeColumns())
}

// tellKnownAs says whose rights count in the cluster: to be let through by the hub is not to be allowed anything there.
func (s *session) tellKnownAs(ctx context.Context, hub *signedIn, cluster fairlead.ConnectedCluster) {
	token, err := hub.credentials.Current(ctx)
	if err != nil || token.KnownAs() == "" {
		return
	}
	_, _ = io.WriteString(s.streams.Err, knownAs(token.KnownAs(), cluster)+"\n") // the kubeconfig matters more
}

func knownAs(name string, cluster fairlead.ConnectedCluster) string {
	from := fmt.Sprintf("its own RBAC: kubectl create clusterrolebinding NAME --clusterrole=view --user=%q", name)
	if profile := cluster.Properties.ClusterConnect; profile != nil && profile.AzureRBAC == switchedOn {
		return fmt.Sprintf("The cluster knows you as %q. Rights in it come from roles at the hub, since azure-rbac is on, or from %s.", name, from)
	}
	return fmt.Sprintf("The cluster knows you as %q. Rights in it come from %s; or from a role at the hub, after enable-features --features azure-rbac.", name, from)
}

func (s *session) printKubeconfig(entry kubeconfig.Entry) error {
	content, err := entry.Alone()
	if err != nil {
		return err
	}
	return s.say(s.streams.Out, strings.TrimSuffix(string(content), "\n"))
}

// access asks the hub for the way to a cluster, and says what to ask an owner for when that is refused.
func (h *signedIn) access(ctx context.Context, id fairlead.ResourceID, method string) (client.UserCredential, error) {
	found, err := h.UserCredential(ctx, id, method)
	if fairlead.CodeOf(err) != "AuthorizationFailed" {
		return found, err
	}
	return found, &hinted{err, askFor(first(h.entry.UserName, h.entry.ClientID), clusterUser, id.String())}
}

// taken tells how to get out of a name that is in use.
func taken(err error, contextFlag, overwriteFlag string) error {
	if fairlead.CodeOf(err) != "ContextTaken" {
		return err
	}
	hint := "choose another name with " + contextFlag + " NAME"
	if overwriteFlag != "" {
		hint += ", or replace that one with " + overwriteFlag
	}
	return &hinted{err, hint}
}

// relayURL is where a hub offers a cluster's API server. The hub wants the id as it is, with nothing in it escaped.
func relayURL(hub string, id fairlead.ResourceID) string { return hub + relayPath + id.String() }

// leadsTo reports whether a kubeconfig's server is a cluster by way of cluster connect, through the hub or a proxy of this machine.
func leadsTo(id fairlead.ResourceID) func(string) bool {
	return func(server string) bool {
		found, err := url.Parse(server)
		if err != nil {
			return false
		}
		path := strings.ToLower(strings.TrimSuffix(found.Path, "/"))
		return path == relayPath+strings.ToLower(id.String()) || path == "/"+arcproxy.Hash(id)
	}
}

// isProxy reports whether a kubeconfig's server is a proxy of this machine, this program's or az's.
func isProxy(server string) bool {
	return regexp.MustCompile(`^https://127\.0\.0\.1:[0-9]+/[0-9a-f]{64}/?$`).MatchString(server)
}

// execUser is a user whose tokens this program gets.
func execUser(hub profile.Hub) (*clientcmdapi.AuthInfo, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Internal, "find this program: %w", err)
	}
	user := &clientcmdapi.ExecConfig{
		APIVersion: execVersion, Command: binary, Args: []string{"connectedk8s", "get-token", "--hub", hub.URL}, InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		InstallHint: "This kubeconfig needs the program fairlead, and a sign-in: " + signInCommand(hub),
	}
	if dir := os.Getenv("FAIRLEAD_CONFIG_DIR"); dir != "" {
		dir, err := absolute(dir)
		if err != nil {
			return nil, err
		}
		user.Env = []clientcmdapi.ExecEnvVar{{Name: "FAIRLEAD_CONFIG_DIR", Value: dir}}
	}
	return &clientcmdapi.AuthInfo{Exec: user}, nil
}
