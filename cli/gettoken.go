package cli

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const (
	execVersion    = "client.authentication.k8s.io/v1"
	execVersionOld = "client.authentication.k8s.io/v1beta1"
	// The spare is how long before its end a token is no longer used, since requests and clocks take their time.
	execSpare = time.Minute
)

func newGetTokenCommand(s *session) *cobra.Command {
	var hub string
	command := &cobra.Command{
		Use: "get-token", Short: "Print a token for kubectl",
		Long: `Print a token for the current hub, or another that you are signed in to, as kubectl wants it of a credential plugin
(ExecCredential). The kubeconfig of get-credentials calls this; there is no need to do so by hand. --output and --query do not count.`,
		Example: "  fairlead connectedk8s get-token --hub https://hub.example.org:8443",
		RunE:    func(command *cobra.Command, _ []string) error { return s.getToken(command.Context(), hub) },
	}
	command.Flags().StringVar(&hub, "hub", "", "URL of the hub (default: the current one)")
	return command
}

func (s *session) getToken(ctx context.Context, url string) error {
	hub, err := s.hubAt(url)
	if err != nil {
		return err
	}
	token, err := hub.credentials.Current(ctx)
	if err != nil {
		return err
	}
	content, err := json.Marshal(execCredential(token, s.streams.env("KUBERNETES_EXEC_INFO")))
	if err != nil {
		return fairlead.Errorf(fairlead.Internal, "write JSON: %w", err)
	}
	return s.say(s.streams.Out, string(content))
}

// execCredential answers in the version that was asked in; both have the same form.
func execCredential(token client.Token, asked string) clientauthentication.ExecCredential {
	var info metav1.TypeMeta
	answer := clientauthentication.ExecCredential{TypeMeta: metav1.TypeMeta{Kind: "ExecCredential", APIVersion: execVersion}}
	if err := json.Unmarshal([]byte(asked), &info); err == nil && info.APIVersion == execVersionOld {
		answer.APIVersion = execVersionOld
	}
	expires := metav1.NewTime(token.ExpiresOn.Add(-execSpare))
	answer.Status = &clientauthentication.ExecCredentialStatus{Token: token.Value.Reveal(), ExpirationTimestamp: &expires}
	return answer
}
