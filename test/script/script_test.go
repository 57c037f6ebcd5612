// Package script_test tells the command line's behaviour in scripts: the real binary against a real hub, one story a file of
// test/testdata/script.
package script_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli"
	"github.com/fairlead/fairlead/internal/freeport"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"fairlead": func() { os.Exit(cli.Main(context.Background(), os.Args[1:], cli.OSStreams())) }, //nolint:forbidigo // this is the main of a binary
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "../testdata/script",
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("FAIRLEAD_CONFIG_DIR", e.WorkDir+"/profile")
			e.Setenv("KUBECONFIG", e.WorkDir+"/kubeconfig")
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"hub": hubOn(t), "capture": capture, "register": register, "inhabit": inhabit, "ask": ask},
	})
}

func hubOn(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) { startHub(ts, strconv.Itoa(freeport.Of(t))) }
}

// startHub starts a hub on a free port of this machine; it sets HUB to its URL and leaves the
// administrator's credential in admin.json. The hub ends with the script.
func startHub(ts *testscript.TestScript, port string) {
	address := "127.0.0.1:" + port
	url := "https://localhost:" + port
	log, err := os.Create(ts.MkAbs("hub.log"))
	ts.Check(err)
	binary, err := exec.LookPath("fairlead")
	ts.Check(err)
	hub := exec.Command(binary, "hub", "--data", ts.MkAbs("hub"), "--listen", address, "--url", url, "--admin-credential-file", ts.MkAbs("admin.json"))
	hub.Stdout, hub.Stderr = log, log
	ts.Check(hub.Start())
	ts.Defer(func() {
		_ = hub.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = hub.Wait()                          // its exit code is not what scripts are about
		_ = log.Close()                         // nobody writes any more
	})
	ts.Setenv("HUB", url)
	ts.Setenv("REGISTRY", "localhost:"+port)
	awaitHub(ts, url)
}

func awaitHub(ts *testscript.TestScript, url string) {
	insecure := &http.Client{Timeout: time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer insecure.CloseIdleConnections()
	deadline := time.After(30 * time.Second)
	for {
		answer, err := insecure.Get(url + "/healthz")
		if err == nil {
			ts.Check(answer.Body.Close())
			if _, err := os.Stat(ts.MkAbs("admin.json")); err == nil && answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-deadline:
			ts.Fatalf("the hub did not start:\n%s", ts.ReadFile("hub.log"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// capture sets a variable to a property of a JSON file: capture VARIABLE FILE PROPERTY.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: capture VARIABLE FILE PROPERTY")
	}
	document := map[string]any{}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &document))
	value, ok := document[args[2]].(string)
	if !ok {
		ts.Fatalf("%s has no text %s", args[1], args[2])
	}
	ts.Setenv(args[0], value)
}

// register makes a connected cluster at the hub, as connect would, without a cluster behind it: register NAME GROUP.
func register(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: register NAME GROUP")
	}
	enter(ts, args[0], args[1])
}

// enter makes a connected cluster at the hub and returns its onboarding key and its id.
func enter(ts *testscript.TestScript, name, group string) (*rsa.PrivateKey, fairlead.ResourceID) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	account := account(ts)
	id := fairlead.ConnectedClusterID(account("subscription"), group, name)
	call(ts, http.MethodPut, id.String()+"?api-version=2025-08-01-preview",
		`{"location":"local","identity":{"type":"SystemAssigned"},"properties":{"distribution":"k3s","infrastructure":"generic","agentPublicKeyCertificate":"`+
			base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey))+`"}}`)
	return key, id
}

// account returns what tells a property of who is signed in.
func account(ts *testscript.TestScript) func(property string) string {
	return func(property string) string {
		ts.Check(ts.Exec("fairlead", "account", "get-access-token", "--query", property, "-o", "tsv"))
		return strings.TrimSpace(ts.ReadFile("stdout"))
	}
}

// ask sends a document to the hub as an unknown client would: ask METHOD PATH [FILE]. CLUSTER in the path stands for edge-1's id.
func ask(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: ask METHOD PATH [FILE]")
	}
	body := ""
	if len(args) == 3 {
		body = ts.ReadFile(args[2])
	}
	cluster := fairlead.ConnectedClusterID(account(ts)("subscription"), "shops", "edge-1").String()
	call(ts, args[0], strings.ReplaceAll(args[1], "CLUSTER", cluster), body)
}

func call(ts *testscript.TestScript, method, path, body string) {
	request, err := http.NewRequest(method, ts.Getenv("HUB")+path, strings.NewReader(body))
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+account(ts)("accessToken"))
	request.Header.Set("Content-Type", "application/json")
	insecure := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer insecure.CloseIdleConnections()
	answer, err := insecure.Do(request)
	ts.Check(err)
	defer func() { _ = answer.Body.Close() }() // all of it is read below
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode/100 != 2 {
		ts.Fatalf("the hub answers %s: %s", answer.Status, text)
	}
}
