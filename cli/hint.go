package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

var errSignedOut = errors.New("you are not signed in to a hub")

// hinted is an error that knows what to type next.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }

func (e *hinted) Unwrap() error { return e.err }

// explain tells a person what went wrong and what to type next.
func explain(streams Streams, command *cobra.Command, err error) {
	message := "Error: " + inFlags(command, err) + "\n"
	if next := hint(command, err); next != "" {
		message += "Try:   " + next + "\n"
	}
	_, _ = io.WriteString(streams.Err, message) // nobody is left to tell if this fails
}

// hint returns what to type next, if there is something to type.
func hint(command *cobra.Command, err error) string {
	var own *hinted
	var usage *usageError
	var lost *client.Unreachable
	switch {
	case errors.As(err, &own):
		return own.hint
	case errors.As(err, &usage):
		return command.CommandPath() + " --help"
	case errors.Is(err, errSignedOut):
		return "fairlead login --hub URL   (people, with a browser, or with --username NAME; --ca-file FILE if the hub has an authority of its own)\n" +
			"       or fairlead login --hub URL --ca-file FILE --service-principal --username APP_ID   (the hub's first start printed these; the secret is asked for)\n" +
			"       or fairlead login --credential-file FILE   (what fairlead hub --admin-credential-file has written)"
	case errors.As(err, &lost):
		return hintUnreachable(lost)
	}
	return hintCode(err)
}

func hintUnreachable(lost *client.Unreachable) string {
	switch lost.Obstacle {
	case client.ConnectionRefused:
		return "see that the hub runs (fairlead hub …) and that the port is right: " + lost.URL
	case client.UnknownAuthority:
		return hintAuthority(lost)
	case client.NotTLS:
		return "see that the port is the hub's own, not that of a plain HTTP proxy"
	case client.UnknownHost:
		return "see that the name is spelled right and that this machine's DNS knows it"
	case client.WrongCertificate:
		return "use the URL that the hub was started with (fairlead hub --url)"
	case client.TimedOut, client.Broken:
		return "see that no firewall or proxy stands between (HTTPS_PROXY, NO_PROXY); --debug shows every call"
	}
	return ""
}

func hintAuthority(lost *client.Unreachable) string {
	text := fmt.Sprintf("fairlead login --hub %s --ca-file FILE …   (the hub keeps its authority as ca.crt in its data directory)", lost.URL)
	if lost.Authority != nil && lost.Authority.IsCA {
		text += fmt.Sprintf("\n       or --ca-fingerprint %s\n       if that is the fingerprint that the hub printed when it started", client.Fingerprint(lost.Authority))
	}
	return text
}

func hintCode(err error) string {
	hints := map[string]string{
		"ResourceGroupNotFound": "fairlead group list, or fairlead group create -n NAME -l LOCATION",
		"SubscriptionNotFound":  "fairlead account list",
		"invalid_grant":         "fairlead login --hub URL, to sign in again",
		"invalid_client":        "fairlead login again, with the secret that belongs to this application id",
		"ImageUntrusted": "let the nodes trust the hub's registry: ca in /etc/containerd/certs.d/HOST:PORT/hosts.toml (docs/operations.md, TLS)\n" +
			"       or load the image into them by hand: fairlead image save --registry HOST:PORT --output agents.tar",
		"ClusterUnauthorized":   "sign in to the cluster again, until kubectl get nodes works",
		"ClusterUnreachable":    "see that kubectl get nodes works with this kubeconfig; --kube-config and --kube-context choose another",
		"ExtensionTypeNotFound": "fairlead extension-type list, or, who may, fairlead extension-type register NAME --chart oci://…",
		"AuthorizationFailed":   roleHint(err.Error()),
		"FingerprintMismatch":   "", // to sign in is just what should wait
	}
	if next, ok := hints[fairlead.CodeOf(err)]; ok {
		return next
	}
	if _, group, ok := strings.Cut(err.Error(), "under resource group '"); ok && fairlead.CodeOf(err) == "ResourceNotFound" && strings.Contains(strings.ToLower(err.Error()), "microsoft.kubernetes/connectedclusters/") {
		group, _, _ = strings.Cut(group, "'")
		return "fairlead connectedk8s list -g " + group
	}
	switch {
	case fairlead.CodeOf(err) == "ParentResourceNotFound" && strings.Contains(strings.ToLower(err.Error()), "microsoft.kubernetes/connectedclusters/"):
		return "fairlead connectedk8s list"
	case fairlead.KindOf(err) == fairlead.Unauthenticated:
		return "fairlead login --hub URL …"
	}
	return ""
}
