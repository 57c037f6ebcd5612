package cli

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/internal/freeport"
)

const testSubscription = "11111111-1111-1111-1111-111111111111"

// stubHub answers as a hub does to a proxy, with what it was asked with.
func stubHub(t *testing.T) {
	t.Helper()
	cluster := "/subscriptions/" + testSubscription + "/resourceGroups/shops/providers/Microsoft.Kubernetes/connectedClusters/edge-1"
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+cluster+"/listClusterUserCredential", func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Method string `json:"authenticationMethod"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || !slices.Contains([]string{"Bearer kept", "Bearer " + os.Getenv("FAIRLEAD_TEST_TOKEN")}, r.Header.Get("Authorization")) {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = fmt.Fprintf(w, `{"hybridConnectionConfig":{"token":"relay-%s","expirationTime":%d}}`, asked.Method, time.Now().Add(time.Hour).Unix())
	})
	mux.HandleFunc("/kubernetes"+cluster+"/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s|%s|%s", strings.TrimPrefix(r.URL.Path, "/kubernetes"+cluster), r.Header.Get("Authorization"), r.Header.Get("ServiceBusAuthorization"))
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	t.Setenv("FAIRLEAD_CONFIG_DIR", t.TempDir())
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "kubeconfig"))
	signIn(t, server)
}

func signIn(t *testing.T, server *httptest.Server) {
	t.Helper()
	kept, err := profile.Open(os.Getenv("FAIRLEAD_CONFIG_DIR"))
	if err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := kept.SignIn(profile.Hub{URL: server.URL, Authority: string(authority), ClientID: "app", Subscription: testSubscription}, "secret"); err != nil {
		t.Fatal(err)
	}
	if err := kept.KeepToken(server.URL, client.Token{Value: "kept", ExpiresOn: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
}

// screen is a stream that somebody waits at.
type screen struct {
	mutex sync.Mutex
	text  strings.Builder
	seen  chan struct{}
	until string
	once  sync.Once
}

func (s *screen) Write(content []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	n, err := s.text.Write(content)
	if strings.Contains(s.text.String(), s.until) {
		s.once.Do(func() { close(s.seen) })
	}
	return n, err
}

func (s *screen) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// proxying runs the proxy until it says that it runs, and returns how to end it.
func proxying(t *testing.T, in io.Reader, args ...string) (out, errs *screen, stop func() int) {
	t.Helper()
	seen := make(chan struct{})
	out = &screen{seen: seen, until: "Press Ctrl+C to close proxy.\n"}
	errs = &screen{seen: make(chan struct{}), until: "Press Ctrl+C to close proxy.\n"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, append([]string{"connectedk8s", "proxy", "-n", "edge-1", "-g", "shops"}, args...), Streams{In: in, Out: out, Err: errs, Env: os.Getenv})
	}()
	select {
	case <-seen:
	case <-errs.seen:
	case code := <-ended:
		t.Fatalf("it ended with %d: %s%s", code, out, errs)
	case <-time.After(20 * time.Second):
		t.Fatalf("it says only %s%s", out, errs)
	}
	return out, errs, func() int { cancel(); return <-ended }
}

func ask(t *testing.T, kubeconfig []byte) string {
	t.Helper()
	settings, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	carrier, err := rest.HTTPClientFor(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer carrier.CloseIdleConnections()
	answer, err := carrier.Get(settings.Host + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestProxyRunsUntilCtrlC(t *testing.T) {
	cases := map[string]struct {
		reason, in string
		args       []string
		want, warn string
	}{
		"AsOneself":         {"the hub's token", "", nil, "/version|Bearer kept|", ""},
		"TokenOnInput":      {"a token of the cluster's own, and one for the relay", "sa-token\n", []string{"--token", "-"}, "/version|Bearer sa-token|relay-Token", ""},
		"TokenAsAnArgument": {"as az has it, with a warning", "", []string{"--token", "sa-token"}, "/version|Bearer sa-token|relay-Token", "can see the token"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(c.reason)
			proxyOnce(t, c.in, c.args, c.want, c.warn)
		})
	}
}

// proxyOnce runs a proxy from its first word to what is left when it has ended.
func proxyOnce(t *testing.T, in string, args []string, want, warn string) {
	t.Helper()
	stubHub(t)
	before := goleak.IgnoreCurrent()
	file, port := os.Getenv("KUBECONFIG"), strconv.Itoa(freeport.Of(t))
	out, errs, stop := proxying(t, strings.NewReader(in), append(args, "--port", port)...)
	wanted := `^Proxy is listening on port ` + port + `\nMerged "edge-1" as current context in ` + regexp.QuoteMeta(file) +
		`\nStart sending kubectl requests on 'edge-1' context using kubeconfig at ` + regexp.QuoteMeta(file) + `\nPress Ctrl\+C to close proxy.\n$`
	if !regexp.MustCompile(wanted).MatchString(out.String()) {
		t.Errorf("it says %s", out)
	}
	kubeconfig := read(t, file)
	if strings.Contains(string(kubeconfig), "sa-token") || strings.Contains(string(kubeconfig), "kept") {
		t.Errorf("the kubeconfig holds a secret: %s", kubeconfig)
	}
	if got := ask(t, kubeconfig); got != want {
		t.Errorf("through the proxy: %s", got)
	}
	if !strings.Contains(errs.String(), warn) || warn == "" && errs.String() != "" {
		t.Errorf("warnings: %s", errs)
	}
	if code := stop(); code != ExitOK {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if left := read(t, file); strings.Contains(string(left), "edge-1") {
		t.Errorf("the kubeconfig still leads to the proxy: %s", left)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	goleak.VerifyNone(t, before)
}

func TestTwoProxiesAtATime(t *testing.T) {
	stubHub(t)
	port := strconv.Itoa(freeport.Of(t))
	_, _, stopFirst := proxying(t, nil, "--port", port)
	alone, errs, stopSecond := proxying(t, nil, "--port", port, "-f", "-")
	if !strings.Contains(errs.String(), "Port "+port+" is in use by another proxy") || !strings.Contains(errs.String(), "Proxy is listening on port ") {
		t.Errorf("the second says %s", errs)
	}
	if got := ask(t, []byte(alone.String())); got != "/version|Bearer kept|" {
		t.Errorf("through the second: %s", got)
	}
	if got := ask(t, read(t, os.Getenv("KUBECONFIG"))); got != "/version|Bearer kept|" {
		t.Errorf("through the first: %s", got)
	}
	if one, two := stopFirst(), stopSecond(); one != ExitOK || two != ExitOK {
		t.Errorf("exit codes %d and %d", one, two)
	}
}

// TestProxyProcess is the program of TestASecondCtrlCLeavesNothing.
func TestProxyProcess(t *testing.T) {
	port := os.Getenv("FAIRLEAD_TEST_PROXY_PORT")
	if port == "" {
		return
	}
	if code := Main(context.Background(), []string{"connectedk8s", "proxy", "-n", "edge-1", "-g", "shops", "--port", port}, Streams{Out: os.Stdout, Err: os.Stderr, Env: os.Getenv}); code != ExitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestASecondCtrlCLeavesNothing(t *testing.T) {
	stubHub(t)
	t.Setenv("FAIRLEAD_TEST_PROXY_PORT", strconv.Itoa(freeport.Of(t)))
	out := &screen{seen: make(chan struct{}), until: "Press Ctrl+C to close proxy.\n"}
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyProcess$")
	process.Stdout, process.Stderr = out, out
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case <-out.seen:
	case err := <-ended:
		t.Fatalf("it ended: %v, %s", err, out)
	}
	file := os.Getenv("KUBECONFIG")
	lock := file + ".lock"
	if err := os.WriteFile(lock, nil, 0o600); err != nil { // it has to wait to take its entry back
		t.Fatal(err)
	}
	for _, one := range []os.Signal{os.Interrupt, os.Interrupt, syscall.SIGTERM, os.Interrupt} {
		if err := process.Process.Signal(one); err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v: %s", err, out)
	}
	if left := read(t, file); strings.Contains(string(left), "edge-1") {
		t.Errorf("the kubeconfig still leads to the proxy: %s", left)
	}
	if _, err := os.Lstat(lock); err == nil {
		t.Error("the lock was left")
	}
}

func TestIsProxy(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for server, want := range map[string]bool{
		"https://127.0.0.1:47011/" + hash: true, "https://127.0.0.1:6443": false, "https://127.0.0.1:47011/" + hash[1:]: false,
		"https://hub.example.org:8443/" + hash: false, "https://127.0.0.1/" + hash: false,
	} {
		if isProxy(server) != want {
			t.Errorf("%s: want %t", server, want)
		}
	}
}
