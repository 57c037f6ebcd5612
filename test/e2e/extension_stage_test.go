package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// The protected settings that these tests give extensions. Nobody may ever see them but the chart.
const (
	password = "hunter2-swordfish"
	renewed  = "tr0ub4dor-anchor"
)

// yard is a stage on whose cluster extensions are installed. It remembers all that people get to see.
type yard struct {
	*stage

	heard  *transcript
	charts string // folder of packed charts
}

// transcript is what commands have printed.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *transcript) add(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.WriteString(text)
}

func (h *transcript) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

func newYard(s *stage) *yard { return &yard{stage: s, heard: &transcript{}, charts: s.t.TempDir()} }

func (y *yard) on(t *testing.T) *yard {
	copied := *y
	copied.stage = y.stage.on(t)
	return &copied
}

// call runs a command about an extension to its end. It may be called from any goroutine.
func (y *yard) call(verb, name string, args ...string) rig.Result {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.t.Context(), 4*time.Minute)
	defer cancel()
	all := append([]string{"k8s-extension", verb, "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", name}, args...)
	result, err := y.cli.Run(ctx, all...)
	if err != nil {
		y.t.Error(err)
		return rig.Result{Code: -1, Err: err.Error()}
	}
	y.heard.add(result.Out + result.Err)
	return result
}

// does runs a command about an extension that has to succeed.
func (y *yard) does(verb, name string, args ...string) string {
	y.t.Helper()
	result := y.call(verb, name, args...)
	if result.Code != 0 {
		y.t.Fatalf("k8s-extension %s %s %v ended with %d:\n%s%s", verb, name, args, result.Code, result.Out, result.Err)
	}
	return result.Out
}

// fails runs a command about an extension that has to fail and say each of the words.
func (y *yard) fails(words []string, verb, name string, args ...string) {
	y.t.Helper()
	result := y.call(verb, name, args...)
	if result.Code == 0 {
		y.t.Fatalf("k8s-extension %s %s %v succeeded, and must not", verb, name, args)
	}
	y.lacks(result.Err, words)
}

// lacks complains of each word that is not in a text.
func (y *yard) lacks(text string, words []string) {
	y.t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			y.t.Errorf("it lacks %q:\n%s", word, text)
		}
	}
}

// extensionShown is what the hub says of an extension.
type extensionShown struct {
	Name       string `json:"name"`
	Properties struct {
		ProvisioningState              string             `json:"provisioningState"`
		CurrentVersion                 string             `json:"currentVersion"`
		ConfigurationSettings          map[string]string  `json:"configurationSettings"`
		ConfigurationProtectedSettings map[string]*string `json:"configurationProtectedSettings"`
		ErrorInfo                      *extensionFailure  `json:"errorInfo"`
	} `json:"properties"`
}

// extensionFailure is why an operation of an extension has failed, as the hub says it.
type extensionFailure struct {
	Code           string `json:"code"`
	Message        string `json:"message"`
	Target         string `json:"target"`
	AdditionalInfo []struct {
		Info struct {
			Explanation string   `json:"explanation"`
			Evidence    []string `json:"evidence"`
			Remedies    []string `json:"remedies"`
			DoctorID    string   `json:"doctorId"`
		} `json:"info"`
	} `json:"additionalInfo"`
}

func (f *extensionFailure) doctorID() string {
	if len(f.AdditionalInfo) == 0 {
		return ""
	}
	return f.AdditionalInfo[0].Info.DoctorID
}

// text is all that it says, a part a line.
func (f *extensionFailure) text() string {
	all := []string{f.Message}
	for _, one := range f.AdditionalInfo {
		all = append(all, one.Info.Explanation)
		all = append(all, one.Info.Evidence...)
		all = append(all, one.Info.Remedies...)
	}
	return strings.Join(all, "\n")
}

func (y *yard) shown(name string) extensionShown {
	y.t.Helper()
	var found extensionShown
	if err := json.Unmarshal([]byte(y.does("show", name, "-o", "json")), &found); err != nil {
		y.t.Fatal(err)
	}
	return found
}

// listed is what the hub says of all extensions of the cluster, by their names.
func (y *yard) listed() map[string]extensionShown {
	y.t.Helper()
	out := y.must("k8s-extension", "list", "-g", "default", "-c", edge, "-t", "connectedClusters", "-o", "json")
	y.heard.add(out)
	var all []extensionShown
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		y.t.Fatal(err)
	}
	found := map[string]extensionShown{}
	for _, one := range all {
		found[one.Name] = one
	}
	return found
}

// is waits until the hub says that an extension is in a state.
func (y *yard) is(name, state string, within time.Duration) {
	y.t.Helper()
	y.eventually(within, func() string {
		if got := y.shown(name).Properties; got.ProvisioningState != state {
			return fmt.Sprintf("%s is %s, want %s (%+v)", name, got.ProvisioningState, state, got.ErrorInfo)
		}
		return ""
	})
}

// offer pushes a version of a chart into the hub's registry and makes it an extension type of its name. Errors are returned,
// because it is called from any goroutine.
func (y *yard) offer(name, version string, templates map[string]string) error {
	file := filepath.Join(y.charts, name+"-"+version+".tgz")
	if err := rig.WriteChart(file, name, version, templates); err != nil {
		return err
	}
	return y.publish(file, name, "test."+name)
}

// publish pushes a packed chart into the hub's registry and makes it an extension type.
func (y *yard) publish(file, chart, kind string) error {
	for _, args := range [][]string{
		{"registry", "push", file, "charts"},
		{"extension-type", "register", kind, "--chart", "oci://" + y.hub.Address + "/charts/" + chart},
	} {
		result, err := y.cli.Run(y.t.Context(), args...)
		if err != nil {
			return err
		}
		if result.Code != 0 {
			return fmt.Errorf("fairlead %v ended with %d: %s", args, result.Code, result.Err)
		}
	}
	return nil
}

func (y *yard) offers(name, version string, templates map[string]string) {
	y.t.Helper()
	if err := y.offer(name, version, templates); err != nil {
		y.t.Fatal(err)
	}
}

// inCluster is a field of an ExtensionConfig, which the agents write whether the hub is there or not.
func (y *yard) inCluster(name, path string) string {
	y.t.Helper()
	return y.kubectl("get", "extensionconfig", name, "-n", "azure-arc", "--ignore-not-found", "-o", "jsonpath={"+path+"}")
}

// reaches waits a minute at most until a field of an ExtensionConfig is so.
func (y *yard) reaches(name, path, want string) {
	y.t.Helper()
	y.eventually(time.Minute, func() string {
		if got := y.inCluster(name, path); got != want {
			return fmt.Sprintf("%s of %s is %q, want %q", path, name, got, want)
		}
		return ""
	})
}

// keptSecrets looks for protected settings wherever they must not be.
func (y *yard) keptSecrets() {
	y.t.Helper()
	places := map[string]string{
		"what commands printed": y.heard.String(),
		"the cluster's objects": y.kubectl("get", "extensionconfigs", "-n", "azure-arc", "-o", "yaml"),
		"the hub's log":         read(y.t, y.hub.LogFile()),
	}
	for _, agent := range []string{"config-agent", "extension-manager", "extension-events-collector"} {
		places["the log of "+agent] = y.kubectl("logs", "-n", "azure-arc", "deployment/"+agent, "--tail=-1")
	}
	err := filepath.WalkDir(filepath.Join(y.hub.Dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			places["the hub's file "+entry.Name()] = read(y.t, path)
		}
		return err
	})
	if err != nil {
		y.t.Error(err)
	}
	for place, text := range places {
		for _, secret := range []string{password, renewed} {
			if strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret))) {
				y.t.Errorf("the protected setting %s is in %s", secret, place)
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
